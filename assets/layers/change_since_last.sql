-- How many records of each snapshot are new, gone, moved or placed anew since the month before, by ward and in all: one row
-- per area and dataset whose records have a reference and that has a former extract. The authority counts every record, those
-- without a place too; a record that went from one ward to another is gone from the one and new in the other.
-- key: dataset, area_type, area_code, period_before, period
-- use: demand
WITH placed AS (
    SELECT
        record.dataset,
        record.authority_code,
        record.weight,
        record.ward_code,
        -- Whom a record is about: where the extract does not say, everybody at one address is one.
        coalesce(record.subject, 'uprn ' || record.uprn, record.record_id) AS who,
        record.as_at = compared.as_at AS is_now,
        changed.change,
        coalesce(changed.change IN ('appeared', 'gone'), false) AS is_new_or_gone,
        coalesce(changed.ward_code_before IS DISTINCT FROM changed.ward_code, false) AS is_of_another_ward
    FROM places.record_placed AS record
    JOIN layers.compared_extract AS compared ON compared.dataset = record.dataset AND record.as_at IN (compared.as_at, compared.as_at_before)
    LEFT JOIN layers.record_change AS changed
        ON changed.dataset = record.dataset AND changed.record_id = record.record_id
),
in_area AS (
    SELECT *, 'authority' AS area_type, authority_code AS area_code, is_new_or_gone AS is_other FROM placed
    UNION ALL
    SELECT *, 'ward', ward_code, is_new_or_gone OR is_of_another_ward FROM placed WHERE ward_code IS NOT NULL
),
counted AS (
    SELECT
        dataset,
        area_type,
        area_code,
        sum(weight) FILTER (NOT is_now) AS records_before,
        count(DISTINCT who) FILTER (NOT is_now) AS contributors_before,
        sum(weight) FILTER (NOT is_now AND is_other) AS gone,
        count(DISTINCT who) FILTER (NOT is_now AND is_other) AS contributors_gone,
        sum(weight) FILTER (is_now AND NOT is_other) AS stayed,
        count(DISTINCT who) FILTER (is_now AND NOT is_other) AS contributors_stayed,
        sum(weight) FILTER (is_now AND is_other) AS appeared,
        count(DISTINCT who) FILTER (is_now AND is_other) AS contributors_appeared,
        sum(weight) FILTER (is_now) AS records_now,
        count(DISTINCT who) FILTER (is_now) AS contributors_now,
        sum(weight) FILTER (is_now AND change = 'moved') AS moved,
        count(DISTINCT who) FILTER (is_now AND change = 'moved') AS contributors_moved,
        sum(weight) FILTER (is_now AND change = 're_placed') AS re_placed,
        count(DISTINCT who) FILTER (is_now AND change = 're_placed') AS contributors_re_placed
    FROM in_area
    GROUP BY dataset, area_type, area_code
)
SELECT
    area.authority_code,  -- GSS code of the authority
    compared.dataset,  -- dataset
    area.area_type,  -- authority or ward
    area.area_code,  -- GSS code of the area
    area.area_name,  -- name of the area
    strftime(compared.as_at_before, '%Y-%m') AS period_before,  -- month of the former extract
    strftime(compared.as_at, '%Y-%m') AS period,  -- month of the latest extract
    CAST(coalesce(counted.records_before, 0) AS BIGINT) AS records_before,  -- what the area's records of the former extract count for
    CAST(coalesce(counted.gone, 0) AS BIGINT) AS gone,  -- of these, no longer in the dataset, or no longer in this ward
    CAST(coalesce(counted.stayed, 0) AS BIGINT) AS stayed,  -- in the area at both dates
    CAST(coalesce(counted.appeared, 0) AS BIGINT) AS appeared,  -- new in the dataset, or new in this ward
    CAST(coalesce(counted.records_now, 0) AS BIGINT) AS records_now,  -- what the area's records of the latest extract count for
    CAST(coalesce(counted.moved, 0) AS BIGINT) AS moved,  -- of these, on another place than before, as precisely, since they are given there
    CAST(coalesce(counted.re_placed, 0) AS BIGINT) AS re_placed,  -- of these, placed more or less precisely than before, or elsewhere although given the same
    CAST(coalesce(counted.contributors_before, 0) AS BIGINT) AS contributors_before,  -- people, households or addresses behind records_before
    CAST(coalesce(counted.contributors_gone, 0) AS BIGINT) AS contributors_gone,  -- people, households or addresses behind gone
    CAST(coalesce(counted.contributors_stayed, 0) AS BIGINT) AS contributors_stayed,  -- people, households or addresses behind stayed
    CAST(coalesce(counted.contributors_appeared, 0) AS BIGINT) AS contributors_appeared,  -- people, households or addresses behind appeared
    CAST(coalesce(counted.contributors_now, 0) AS BIGINT) AS contributors_now,  -- people, households or addresses behind records_now
    CAST(coalesce(counted.contributors_moved, 0) AS BIGINT) AS contributors_moved,  -- people, households or addresses behind moved
    CAST(coalesce(counted.contributors_re_placed, 0) AS BIGINT) AS contributors_re_placed  -- people, households or addresses behind re_placed
FROM layers.compared_extract AS compared
CROSS JOIN layers.area_profile AS area
LEFT JOIN counted
    ON counted.dataset = compared.dataset AND counted.area_type = area.area_type AND counted.area_code = area.area_code
WHERE area.area_type IN ('authority', 'ward')
