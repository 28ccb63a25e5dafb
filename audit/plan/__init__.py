"""From what is asked for to a plan: conditions, settings, prompts, protocols, machine and cost."""
