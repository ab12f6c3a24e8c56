-- What is counted in each period, by the dataset's rule (`counting` in its description), and where: one row for each one that
-- counts. `record`: each row, by its weight. `person`, `household`: the latest record of each in the period, so that who
-- has records in several areas counts once, in one of them, and areas add up. `address`: the latest record of each
-- property. `open_event`: each event that is open at the period's end. Of a snapshot the latest extract of each month counts.
-- What names no person, household or property counts each for itself. Restricted.
-- key: dataset, period_start, file, row_number
WITH latest_in_month AS (
    SELECT dataset, max(as_at) AS as_at
    FROM services.record
    WHERE role = 'service'
    GROUP BY dataset, date_trunc('month', as_at)
),
placed AS (
    SELECT
        placed.*,
        described.kind,
        described.period AS period_length,
        described.counts_one,
        -- Whom a record is about: where the extract does not say, everybody at one address is one.
        coalesce(placed.subject, 'uprn ' || placed.uprn, placed.file || ' ' || placed.row_number) AS who
    FROM places.record_placed AS placed
    JOIN services.dataset AS described USING (dataset)
    LEFT JOIN latest_in_month AS latest ON latest.dataset = placed.dataset AND latest.as_at = placed.as_at
    WHERE placed.role = 'service' AND (described.kind = 'flow' OR latest.as_at IS NOT NULL)
),
in_period AS (
    SELECT
        placed.*,
        CAST(
            CASE WHEN kind = 'stock' THEN date_trunc('month', as_at) ELSE date_trunc(period_length, event_date) END AS DATE
        ) AS period_start
    FROM placed
    WHERE counts_one <> 'open_event'
    UNION ALL
    SELECT placed.*, period.period_start
    FROM placed
    JOIN services.event_end AS finish USING (dataset, file, row_number)
    JOIN places.counted_period AS period ON period.dataset = placed.dataset AND placed.event_date <= period.period_end
    WHERE placed.counts_one = 'open_event' AND (finish.ended IS NULL OR finish.ended > period.period_end)
),
ranked AS (
    SELECT
        *,
        CASE
            WHEN counts_one NOT IN ('person', 'household', 'address') THEN 1
            ELSE row_number() OVER (
                PARTITION BY dataset, period_start, CASE
                    WHEN counts_one = 'address' THEN coalesce('uprn ' || uprn, 'record ' || file || ' ' || row_number)
                    ELSE coalesce('subject ' || subject, 'record ' || file || ' ' || row_number)
                END
                ORDER BY event_date DESC NULLS LAST, as_at DESC NULLS LAST, file DESC, row_number DESC
            )
        END AS in_turn
    FROM in_period
)
SELECT
    authority_code,  -- GSS code of the authority
    dataset,  -- dataset
    period_start,  -- first day of the period in which it counts
    file,  -- file of the record that counts, or stands for all of a person, household or property
    row_number,  -- row of that file
    weight,  -- how many it counts for
    who,  -- whom the record is about, a keyed mark; else the property, else the record
    uprn,  -- UPRN that the record was put on, where it reached a property or building
    precision,  -- how precise its place is: property, building, point, postcode, area, none
    oa_code,  -- Output Area of the place; empty where only a larger area is known
    lsoa_code,  -- Lower layer Super Output Area of the place
    msoa_code,  -- Middle layer Super Output Area of the place
    ward_code  -- electoral ward of the place, best fit
FROM ranked
WHERE in_turn = 1
