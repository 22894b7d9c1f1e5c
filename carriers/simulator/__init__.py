"""The simulated SMSC: a real SMPP server on TCP, scripted by number and by rates, with a journal that tests judge by.

Run by ``manage.py smsc``; described in ``docs/reference/simulator.md``. Nothing in the application knows of it.
"""
