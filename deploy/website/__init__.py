"""The documentation as a site: all Markdown of the repository, the messages of the contract, and three entrances.

`make docs` writes it to `build/site`; the image has it, and the console serves it below `/docs/`. It is flat, needs no
server and asks no other host. A link to what is not there is an error.
"""
