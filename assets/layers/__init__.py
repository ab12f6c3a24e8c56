"""The layers stage: exact figures by area, made from places. Restricted: only the gate may read them for others."""
