"""SMPP 3.4: the codec and the sessions, shared by the provider and by the simulated SMSC. Free of Django.

"SMPP 3.4 §x" in this package means *Short Message Peer to Peer Protocol Specification v3.4, issue 1.2*
(https://smpp.org/SMPP_v3_4_Issue1_2.pdf).
"""
