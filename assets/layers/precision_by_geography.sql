-- How many of each service's records are placed precisely enough for each kind of area: one row per dataset and kind. Of a
-- snapshot the latest extract counts, of dated events all. A place on a property, building or point is precise enough for
-- all; a postcode where all its homes lie in one area of that kind (where they are not known it is not); the code of an area
-- for its own kind and those that it lies in wholly; for the authority every place is.
-- key: dataset, geography
-- use: demand
WITH latest AS (
    SELECT dataset, max(as_at) AS as_at FROM services.record WHERE role = 'service' GROUP BY dataset
),
lsoa_wards AS (
    SELECT lsoa_code, count(DISTINCT ward_code) AS wards FROM places.output_area GROUP BY lsoa_code
),
counted AS (
    SELECT
        placed.dataset,
        placed.weight,
        -- Whom a record is about: where the extract does not say, everybody at one address is one.
        coalesce(placed.subject, 'uprn ' || placed.uprn, placed.file || ' ' || placed.row_number) AS who,
        CASE placed.precision
            WHEN 'none' THEN false
            WHEN 'postcode' THEN coalesce(postcode.homes_in_lsoa = postcode.homes AND postcode.homes > 0, false)
            WHEN 'area' THEN placed.lsoa_code IS NOT NULL
            ELSE true
        END AS lsoa,
        CASE placed.precision
            WHEN 'none' THEN false
            WHEN 'postcode' THEN coalesce(postcode.homes_in_msoa = postcode.homes AND postcode.homes > 0, false)
            WHEN 'area' THEN placed.msoa_code IS NOT NULL
            ELSE true
        END AS msoa,
        CASE placed.precision
            WHEN 'none' THEN false
            WHEN 'postcode' THEN coalesce(postcode.homes_in_ward = postcode.homes AND postcode.homes > 0, false)
            -- Of an LSOA that lies in two wards only the ward of its larger part is known.
            WHEN 'area' THEN placed.ward_code IS NOT NULL
                AND (placed.oa_code IS NOT NULL OR placed.lsoa_code IS NULL OR lsoa_wards.wards = 1)
            ELSE true
        END AS ward,
        placed.precision <> 'none' AS authority
    FROM places.record_placed AS placed
    JOIN services.dataset AS described USING (dataset)
    JOIN latest USING (dataset)
    JOIN services.record AS record
        ON record.dataset = placed.dataset AND record.file = placed.file AND record.row_number = placed.row_number
    LEFT JOIN places.postcode AS postcode ON postcode.postcode = record.postcode
    LEFT JOIN lsoa_wards ON lsoa_wards.lsoa_code = placed.lsoa_code
    WHERE placed.role = 'service' AND (described.kind = 'flow' OR placed.as_at IS NOT DISTINCT FROM latest.as_at)
),
each AS (
    SELECT dataset, weight, who, 'lsoa' AS geography, lsoa AS is_enough FROM counted
    UNION ALL
    SELECT dataset, weight, who, 'msoa', msoa FROM counted
    UNION ALL
    SELECT dataset, weight, who, 'ward', ward FROM counted
    UNION ALL
    SELECT dataset, weight, who, 'authority', authority FROM counted
),
summed AS (
    -- Beside each count how many stand behind it; a tally is of as many as it says.
    SELECT
        dataset,
        geography,
        sum(weight) AS records,
        count(DISTINCT who) FILTER (weight <= 1) + coalesce(sum(weight) FILTER (weight > 1), 0) AS contributors,
        coalesce(sum(weight) FILTER (is_enough), 0) AS enough,
        count(DISTINCT who) FILTER (weight <= 1 AND is_enough)
            + coalesce(sum(weight) FILTER (weight > 1 AND is_enough), 0) AS contributors_enough
    FROM each
    GROUP BY dataset, geography
)
SELECT
    described.authority_code,  -- GSS code of the authority
    described.dataset,  -- dataset
    kind.geography,  -- kind of area: lsoa, msoa, ward or authority
    CAST(coalesce(summed.records, 0) AS BIGINT) AS records,  -- what the dataset's records count for, those without a place too
    CAST(coalesce(summed.enough, 0) AS BIGINT) AS records_precise_enough,  -- of these, placed precisely enough to say in which area of that kind
    CAST(coalesce(summed.contributors, 0) AS BIGINT) AS contributors,  -- people or households behind the records (or addresses, where the extract names neither)
    CAST(coalesce(summed.contributors_enough, 0) AS BIGINT) AS contributors_precise_enough  -- behind those placed precisely enough
FROM services.dataset AS described
CROSS JOIN (VALUES ('lsoa'), ('msoa'), ('ward'), ('authority')) AS kind (geography)
LEFT JOIN summed ON summed.dataset = described.dataset AND summed.geography = kind.geography
WHERE described.role = 'service'
