"""The console: pages for people and the read API, in a process of its own. It reads; only its sessions are written."""
