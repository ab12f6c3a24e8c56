"""Addresses as text: bringing them to one form, so that two writings of one address compare as equal."""
