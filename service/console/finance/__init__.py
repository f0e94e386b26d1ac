"""Pages for people who reconcile: money by day, open items, exports, what-if, and the same facts in another order."""
