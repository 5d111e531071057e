"""Passages in the public domain, in plain ASCII, for pages of print."""

from __future__ import annotations

PASSAGES = (
    # Jane Austen, Pride and Prejudice, 1813.
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, "
    "must be in want of a wife. However little known the feelings or views of such a man may be on "
    "his first entering a neighbourhood, this truth is so well fixed in the minds of the "
    "surrounding families, that he is considered the rightful property of some one or other of "
    "their daughters.",
    # Charles Darwin, On the Origin of Species, 1859.
    "On my return home, it occurred to me, in 1837, that something might perhaps be made out on "
    "this question by patiently accumulating and reflecting on all sorts of facts which could "
    "possibly have any bearing on it. After five years' work I allowed myself to speculate on the "
    "subject, and drew up some short notes; these I enlarged in 1844 into a sketch of the "
    "conclusions, which then seemed to me probable.",
    # Declaration of Independence of the United States.
    "In Congress, July 4, 1776. When in the Course of human events, it becomes necessary for one "
    "people to dissolve the political bands which have connected them with another, and to assume "
    "among the powers of the earth, the separate and equal station to which the Laws of Nature and "
    "of Nature's God entitle them, a decent respect to the opinions of mankind requires.",
    # Herman Melville, Moby-Dick, 1851.
    "Whenever I find myself growing grim about the mouth; whenever it is a damp, drizzly November "
    "in my soul; whenever I find myself involuntarily pausing before coffin warehouses, and "
    "bringing up the rear of every funeral I meet; then, I account it high time to get to sea as "
    "soon as I can. This is my substitute for pistol and ball.",
)
