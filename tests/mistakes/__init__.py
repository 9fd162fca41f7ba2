"""What newcomers get wrong, and what they are told."""
