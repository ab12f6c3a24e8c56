-- What became of each record of a snapshot since the month before: one row per record that is new, gone, or on another place.
-- The last extract of the latest month is compared with the last one of the month before it that has one, for datasets
-- whose records have a reference; both are placed by the gazetteer as it is now. A record that is as it was has no row.
-- key: dataset, record_id
-- use: demand
WITH given AS (
    SELECT
        placed.*,
        record.uprn AS given_uprn,
        record.usrn,
        record.address,
        record.postcode,
        record.easting AS given_easting,
        record.northing AS given_northing,
        record.area_code
    FROM places.record_placed AS placed
    JOIN services.record AS record USING (dataset, file, row_number)
),
matched AS (
    SELECT
        coalesce(later.dataset, earlier.dataset) AS dataset,
        coalesce(later.record_id, earlier.record_id) AS record_id,
        later.record_id IS NOT NULL AS is_there,
        earlier.record_id IS NOT NULL AS was_there,
        later.precision,
        earlier.precision AS precision_before,
        later.uprn,
        earlier.uprn AS uprn_before,
        later.ward_code,
        earlier.ward_code AS ward_code_before,
        later.subject,
        earlier.subject AS subject_before,
        later.weight,
        earlier.weight AS weight_before,
        later.file,
        later.row_number,
        earlier.file AS file_before,
        earlier.row_number AS row_number_before,
        (later.given_uprn, later.usrn, later.address, later.postcode, later.given_easting, later.given_northing, later.area_code)
            IS DISTINCT FROM (
                earlier.given_uprn, earlier.usrn, earlier.address, earlier.postcode, earlier.given_easting,
                earlier.given_northing, earlier.area_code
            ) AS is_given_anew,
        (later.uprn, later.easting, later.northing, later.oa_code, later.lsoa_code, later.msoa_code, later.ward_code)
            IS DISTINCT FROM (
                earlier.uprn, earlier.easting, earlier.northing, earlier.oa_code, earlier.lsoa_code, earlier.msoa_code,
                earlier.ward_code
            ) AS is_elsewhere
    FROM (SELECT given.* FROM given JOIN layers.compared_extract AS compared USING (dataset) WHERE given.as_at = compared.as_at) AS later
    FULL JOIN (SELECT given.* FROM given JOIN layers.compared_extract AS compared USING (dataset) WHERE given.as_at = compared.as_at_before) AS earlier
        ON earlier.dataset = later.dataset AND earlier.record_id = later.record_id
),
judged AS (
    SELECT
        matched.*,
        CASE
            WHEN NOT was_there THEN 'appeared'
            WHEN NOT is_there THEN 'gone'
            -- As precise as before, and elsewhere. Else it is known better or worse where it is, whatever was given.
            WHEN is_elsewhere AND is_given_anew AND precision = precision_before THEN 'moved'
            WHEN is_elsewhere OR precision <> precision_before THEN 're_placed'
        END AS change
    FROM matched
)
SELECT
    described.authority_code,  -- GSS code of the authority
    judged.dataset,  -- dataset
    judged.record_id,  -- the record: its reference, a keyed mark where personal
    compared.as_at_before,  -- date of the former extract
    compared.as_at,  -- date of the latest extract
    judged.change,  -- appeared; gone; moved (as precisely placed, elsewhere, and so given); re_placed (more or less precisely, or elsewhere although given the same)
    coalesce(judged.is_given_anew, false) AS is_given_anew,  -- whether UPRN, address, postcode, coordinates or area code are given otherwise than before
    judged.precision_before,  -- how precise the former place is; empty where it had none since it was not there
    judged.precision,  -- how precise the place is now
    judged.uprn_before,  -- UPRN that it was on
    judged.uprn,  -- UPRN that it is on
    judged.ward_code_before,  -- ward that it was in
    judged.ward_code,  -- ward that it is in
    judged.subject_before,  -- whom it was about, a keyed mark
    judged.subject,  -- whom it is about, a keyed mark
    judged.weight_before,  -- what it counted for
    judged.weight,  -- what it counts for
    judged.file_before,  -- file that it stood in
    judged.row_number_before,  -- row of that file
    judged.file,  -- file that it stands in
    judged.row_number  -- row of that file
FROM judged
JOIN layers.compared_extract AS compared USING (dataset)
JOIN services.dataset AS described USING (dataset)
WHERE judged.change IS NOT NULL
