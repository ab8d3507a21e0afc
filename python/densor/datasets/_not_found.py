"""The error for a data set that is nowhere on this machine."""


class DatasetNotFound(FileNotFoundError):
    """No file of the data set was found; the message lists the folders searched and the ways out."""
