"""What can go wrong in a deployed network."""


class UserError(Exception):
    """Something the user can put right; ends the program with one line and exit code 2."""


class LavaFailed(Exception):
    """Lava raised, died or hung; ends the program with one line and exit code 1."""
