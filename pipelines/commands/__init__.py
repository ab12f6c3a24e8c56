"""The commands of `places`: one file each, with what a person types and reads; `cli` is the grammar they share."""
