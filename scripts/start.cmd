@echo off
rem A starter to double-click on Windows: opens the guided start of an installed CloakCheck.
chcp 65001 >nul
cd /d "%~dp0.."
set "PATH=%PATH%;%USERPROFILE%\.local\bin;%CD%\.venv\Scripts"
where cloakcheck >nul 2>nul
if errorlevel 1 (
  echo CloakCheck is not installed yet: docs\how-to\install.md says how.
  pause
) else (
  cloakcheck start --wait
)
