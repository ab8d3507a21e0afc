"""The lines that callbacks show where `verbose` asks for them."""


def report(message: str) -> None:
    """Shows one line on the terminal, next to the progress line of the training."""
    from rich.console import Console  # only here: it takes longer to load than the rest of densor

    Console(highlight=False, soft_wrap=True).print(message, markup=False)
