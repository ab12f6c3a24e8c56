-- How good each extract of a dataset is: one row per snapshot, or per period of dated events, with how precisely its records
-- are placed, how many of its rows were rejected, and how many identifiers in it are damaged.
-- key: dataset, period, extract_of
WITH placed AS (
    SELECT
        record.*,
        CASE WHEN described.kind = 'stock' THEN record.as_at ELSE record.event_date END AS day,
        described.kind,
        described.period AS period_length,
        -- Whom a record is about: where the extract does not say, everybody at one address is one.
        coalesce(record.subject, 'uprn ' || record.uprn, record.file || ' ' || record.row_number) AS who
    FROM places.record_placed AS record
    JOIN services.dataset AS described USING (dataset)
),
of_extract AS (
    SELECT
        *,
        coalesce(
            CASE
                WHEN kind = 'stock' OR period_length = 'month' THEN strftime(day, '%Y-%m')
                WHEN period_length = 'year' THEN strftime(day, '%Y')
                ELSE strftime(day, '%Y') || ' Q' || quarter(day)
            END,
            ''
        ) AS period,
        CASE
            WHEN kind = 'stock' THEN day
            WHEN period_length = 'month' THEN last_day(day)
            WHEN period_length = 'year' THEN CAST(date_trunc('year', day) + INTERVAL 1 YEAR AS DATE) - 1
            ELSE CAST(date_trunc('quarter', day) + INTERVAL 3 MONTH AS DATE) - 1
        END AS extract_to
    FROM placed
),
counted AS (
    SELECT
        dataset,
        period,
        CASE WHEN kind = 'stock' THEN coalesce(strftime(day, '%Y-%m-%d'), '') ELSE period END AS extract_of,
        extract_to,
        count(*) AS records,
        count(*) FILTER (precision = 'property') AS property,
        count(*) FILTER (precision = 'building') AS building,
        count(*) FILTER (precision = 'point') AS point,
        count(*) FILTER (precision = 'postcode') AS postcode,
        count(*) FILTER (precision = 'area') AS area,
        count(*) FILTER (precision = 'none') AS unplaced,
        count(*) FILTER (precision <> 'none') AS placed,
        count(DISTINCT who) AS contributors,
        count(DISTINCT who) FILTER (precision <> 'none') AS contributors_placed,
        count(DISTINCT who) FILTER (precision IN ('property', 'building', 'point')) AS contributors_precise,
        count(DISTINCT who) FILTER (precision = 'property') AS contributors_property,
        count(DISTINCT who) FILTER (precision = 'building') AS contributors_building,
        count(DISTINCT who) FILTER (precision = 'point') AS contributors_point,
        count(DISTINCT who) FILTER (precision = 'postcode') AS contributors_postcode,
        count(DISTINCT who) FILTER (precision = 'area') AS contributors_area,
        count(DISTINCT who) FILTER (precision = 'none') AS contributors_unplaced
    FROM of_extract
    GROUP BY ALL
),
read AS (
    -- Rows of a snapshot; those of a flow's file belong to events of many periods.
    SELECT
        "of" AS dataset,
        strftime(as_at, '%Y-%m-%d') AS extract_of,
        CAST(sum(rows_read) AS BIGINT) AS rows_read,
        CAST(sum(rows_rejected) AS BIGINT) AS rows_rejected
    FROM services.file_read
    JOIN services.dataset AS described ON described.dataset = "of"
    WHERE status = 'read' AND as_at IS NOT NULL AND described.kind = 'stock'
    GROUP BY ALL
),
damaged AS (
    SELECT found.dataset, found.extract_of, CAST(sum(found.rows) AS BIGINT) AS identifiers
    FROM layers.issue_by_extract AS found
    JOIN services.issue_kind AS kind USING (issue)
    WHERE found.concerns = 'identifier' AND kind.severity IN ('error', 'warning')
    GROUP BY ALL
)
SELECT
    described.authority_code,  -- GSS code of the authority
    counted.dataset,  -- dataset
    counted.period,  -- month of a snapshot (2026-09), or the period of a flow (2025 Q3); empty where none is known
    counted.extract_of,  -- date of the snapshot (2026-09-30), or the period of the flow; empty where none is known
    counted.extract_to,  -- date of the snapshot, or last day of the period
    counted.extract_to = max(counted.extract_to) OVER (PARTITION BY counted.dataset) AS is_newest,  -- whether it is the dataset's newest
    counted.records,  -- records kept
    counted.placed,  -- of these, on a place
    counted.property + counted.building + counted.point AS precise,  -- placed on a property, a building or a point
    counted.property,  -- placed on a property
    counted.building,  -- placed on a building, the flat unknown
    counted.point,  -- placed on a point by their coordinates
    counted.postcode,  -- placed on a postcode
    counted.area,  -- placed on an area by its code
    counted.unplaced,  -- without a place: records = all of these together
    read.rows_read,  -- rows read; of a flow, whose files hold several periods, none
    read.rows_rejected,  -- of these, rejected
    coalesce(damaged.identifiers, 0) AS damaged,  -- identifiers in the records that are wrong or lead nowhere (errors and warnings); a record may have several
    counted.contributors,  -- people, households or addresses behind the records
    counted.contributors_placed,  -- behind those on a place
    counted.contributors_precise,  -- behind those placed on a property, a building or a point
    counted.contributors_property,  -- behind those placed on a property
    counted.contributors_building,  -- behind those placed on a building
    counted.contributors_point,  -- behind those placed on a point
    counted.contributors_postcode,  -- behind those placed on a postcode
    counted.contributors_area,  -- behind those placed on an area
    counted.contributors_unplaced  -- behind those without a place
FROM counted
JOIN services.dataset AS described USING (dataset)
LEFT JOIN read USING (dataset, extract_of)
LEFT JOIN damaged USING (dataset, extract_of)
