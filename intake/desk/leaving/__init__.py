"""What leaves the desk: the gate that decides, the exports, and what is remembered of them."""
