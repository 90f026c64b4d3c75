"""Certificates: a page to print that says who finished what, and a code by which anybody can ask whether it is true."""
