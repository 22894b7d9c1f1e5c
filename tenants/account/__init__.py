"""How a person comes in: password, second factor, session, invitation; and what guards each of them."""
