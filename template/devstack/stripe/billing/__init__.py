"""What happens with money and time, without HTTP."""
