"""List every sentence of the design that can be true or false, with the number that decides."""

from audifi.topology.model.promise import Promise

PROMISES: tuple[Promise, ...] = ()
