"""A break between a writer and a reader."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """A reason why a reader may refuse, or misread, what a writer sends.

    `place` is a JSON pointer into the message, with `*` for any item of a list or any member of a map; `because` says
    what the writer may send there and what the reader accepts.
    """

    place: str
    because: str

    def __str__(self) -> str:
        return f"{self.place or 'the message'}: {self.because}"
