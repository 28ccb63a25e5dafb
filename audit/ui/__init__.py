"""The page in the browser: a server for this machine alone, which shows and starts what the command line does.

door.py    one-time tokens, and the private folder that the page keeps
guard.py   who is answered at all: host, origin, session, size; what every answer forbids the browser
shell.py   the frame of every page; pages.py and the others, *_pages.py: addresses -> pages, by the report's templates
opened.py  folders that may be looked into; thumbs.py: small pictures, decoded in a process apart
drafts.py  audits as they are asked for; pairs.py and plans.py: what commands say of them
jobs.py    the queue on the disk; keeper.py carries it out, heard.py reads what commands tell
first.py   pictures of a test under way; made.py: files that commands make of a finished one
past.py    audits of before, read in a process apart
serve.py   the server and how it is opened
"""
