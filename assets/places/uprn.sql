-- The spine: one row per UPRN that OS Open UPRN or the council's gazetteer knows, with its coordinates, street,
-- postcode, areas, parent, class and status.
-- key: uprn
WITH gazetteer AS (
    -- One row per BLPU: its approved preferred LPI speaks for it, else the one with the lowest status and key.
    SELECT *
    FROM sources.llpg
    QUALIFY row_number() OVER (PARTITION BY uprn ORDER BY lpi_status, lpi_key) = 1
),
street AS (
    SELECT uprn, min(usrn) AS usrn FROM sources.os_open_linked_identifiers GROUP BY uprn
),
parent AS (
    SELECT DISTINCT parent_uprn AS uprn FROM sources.llpg WHERE blpu_status IN (1, 5, 6) AND parent_uprn <> uprn
),
known AS (
    SELECT uprn FROM sources.os_open_uprn
    UNION
    SELECT uprn FROM gazetteer
),
directory AS (
    SELECT onsud.* FROM sources.onsud AS onsud
    JOIN sources.authority AS authority ON onsud.vintage = right(CAST(authority.area_vintage AS VARCHAR), 2)
),
gathered AS (
    SELECT
        known.uprn,
        coalesce(open.easting, gazetteer.easting) AS easting,
        coalesce(open.northing, gazetteer.northing) AS northing,
        open.longitude,
        open.latitude,
        coalesce(gazetteer.usrn, street.usrn) AS usrn,
        coalesce(gazetteer.postcode, directory.postcode) AS postcode,
        directory.oa_code AS directory_oa_code,
        gazetteer.parent_uprn,
        gazetteer.class_code,
        gazetteer.successor_uprn,
        CASE
            WHEN gazetteer.uprn IS NULL THEN 'live'
            WHEN gazetteer.blpu_status = 1 THEN 'live'
            WHEN gazetteer.blpu_status IN (5, 6) THEN 'provisional'
            WHEN gazetteer.blpu_status = 8 THEN 'historic'
            ELSE 'rejected'
        END AS status
    FROM known
    LEFT JOIN sources.os_open_uprn AS open USING (uprn)
    LEFT JOIN gazetteer USING (uprn)
    LEFT JOIN street USING (uprn)
    LEFT JOIN directory USING (uprn)
)
SELECT
    authority.authority_code,  -- GSS code of the authority
    gathered.uprn,  -- Unique Property Reference Number
    gathered.status,  -- live, provisional, historic or rejected, by the gazetteer; live where only OS Open UPRN knows it
    gathered.successor_uprn,  -- UPRN that took over from a historic one
    gathered.parent_uprn,  -- UPRN of the building or shell that it is a part of
    gathered.class_code,  -- BLPU classification; empty where there is no gazetteer
    coalesce(gathered.class_code LIKE 'P%', false) OR parent.uprn IS NOT NULL AS is_shell,  -- a building rather than one address: a parent shell, or anything that others are a part of
    CASE
        WHEN gathered.class_code IS NULL THEN NULL
        ELSE gathered.status = 'live' AND (gathered.class_code LIKE 'RD%' OR gathered.class_code LIKE 'RH%')
    END AS is_home,  -- a live dwelling (class RD) or house in multiple occupation (RH); empty where the class is unknown
    gathered.class_code LIKE 'RI%' OR gathered.class_code LIKE 'RH%' AS is_communal,  -- many people may share this one address: care homes, hostels, houses in multiple occupation
    gathered.easting,  -- easting, metres, EPSG:27700
    gathered.northing,  -- northing, metres, EPSG:27700
    gathered.longitude,  -- longitude, degrees, as OS publishes it (never reprojected)
    gathered.latitude,  -- latitude, degrees, as OS publishes it (never reprojected)
    gathered.usrn,  -- Unique Street Reference Number
    gathered.postcode,  -- postcode
    coalesce(block.oa_code, point.oa_code) AS oa_code,  -- Output Area: as the ONS directory says, else by point in polygon; empty outside the authority
    area.lsoa_code,  -- Lower layer Super Output Area
    area.msoa_code,  -- Middle layer Super Output Area
    area.ward_code,  -- electoral ward, best fit by Output Area
    block.oa_code <> point.oa_code AS areas_disagree  -- the directory's Output Area is not the one in which the point lies
FROM gathered
CROSS JOIN sources.authority AS authority
LEFT JOIN parent ON parent.uprn = gathered.uprn
LEFT JOIN places.output_area AS block ON block.oa_code = gathered.directory_oa_code
LEFT JOIN places.point_oa AS point ON point.easting = gathered.easting AND point.northing = gathered.northing
LEFT JOIN places.output_area AS area ON area.oa_code = coalesce(block.oa_code, point.oa_code)
