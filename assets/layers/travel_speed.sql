-- How fast each kind of road is travelled in the travel times of this authority: one row per kind of road and mode.
-- key: kind, mode
-- use: impersonal
WITH link AS (
    SELECT
        authority_code,
        source,
        kind,
        CAST(round(metres * 1000) AS BIGINT) AS millimetres,
        metres,
        unnest(['walk', 'cycle', 'drive']) AS mode,
        unnest([walk_seconds, cycle_seconds, drive_seconds]) AS seconds,
        unnest([walk_seconds_back, cycle_seconds_back, drive_seconds_back]) AS seconds_back
    FROM layers.road_link
)
SELECT
    authority_code,  -- GSS code of the authority
    source,  -- which source the roads are from: osm_roads or os_open_roads
    kind,  -- kind of road, as its source calls it
    mode,  -- walk, cycle or drive
    count(*) AS links,  -- links of that kind
    CAST(sum(millimetres) / 1000000 AS DECIMAL(18, 3)) AS kilometres,  -- length of these links, km
    count(*) FILTER (seconds IS NULL AND seconds_back IS NULL) AS links_shut,  -- of these, links that the mode may not use
    count(*) FILTER ((seconds IS NULL) <> (seconds_back IS NULL)) AS links_one_way,  -- of these, links that it may use in one direction only
    CAST(min(metres / greatest(seconds, seconds_back) * 3.6) FILTER (metres > 0) AS DECIMAL(6, 1)) AS slowest_kmh,  -- speed on the slowest of these links, km/h; empty where the mode may use none
    CAST(max(metres / least(seconds, seconds_back) * 3.6) FILTER (metres > 0) AS DECIMAL(6, 1)) AS fastest_kmh  -- speed on the fastest of them, km/h
FROM link
GROUP BY authority_code, source, kind, mode
