-- The connected parts of what each mode may use: one row per part. All but the first of a mode are islands: from there
-- no site elsewhere can be reached, and nobody elsewhere reaches theirs.
-- key: mode, part
-- use: impersonal
WITH link AS (
    -- Whole millimetres: sums of them are the same in whatever order.
    SELECT *, CAST(round(metres * 1000) AS BIGINT) AS millimetres FROM layers.road_link
),
used AS (
    SELECT authority_code, 'walk' AS mode, walk_part AS part, millimetres FROM link
    UNION ALL
    SELECT authority_code, 'cycle', cycle_part, millimetres FROM link
    UNION ALL
    SELECT authority_code, 'drive', drive_part, millimetres FROM link
)
SELECT
    authority_code,  -- GSS code of the authority
    mode,  -- walk, cycle or drive
    part,  -- number of the part: 0 the longest, then by length
    part > 0 AS is_island,  -- whether it is cut off from the longest part
    count(*) AS links,  -- links in it
    CAST(sum(millimetres) / 1000000 AS DECIMAL(18, 3)) AS kilometres  -- length of its links, km
FROM used
WHERE part IS NOT NULL
GROUP BY authority_code, mode, part
