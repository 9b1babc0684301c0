"""The command line: the only room that sees every stage, and passes what one needs of another."""
