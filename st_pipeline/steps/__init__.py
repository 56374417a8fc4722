"""What to do about a problem, as data: ``Step(Do.SYNC)``, never a sentence that a program would have to parse.

Code that finds a problem names the steps. Only the edges put them into words: commands.py for the command line, logs,
and the Dagster UI; alerting/step_words.py for alerts; portal/words/step_words.py for the portal.
"""
