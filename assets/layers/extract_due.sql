-- Which extracts were promised, and which came: one row per dataset and date that an extract describes, or ought to. What a
-- dataset's `cadence` and `due_days` promise is held against the newest date of all extracts, not against today: the same
-- files give the same answer on any day. How late a file came cannot be told, since nothing in it says when it came.
-- key: dataset, as_at
WITH dated AS (
    SELECT dataset, as_at, 'came' AS state FROM services.record WHERE as_at IS NOT NULL
    UNION
    SELECT "of", as_at, CASE WHEN status = 'refused' THEN 'refused' ELSE 'came' END
    FROM services.file_read WHERE as_at IS NOT NULL
),
came AS (
    -- Of one date the extract that could be used counts.
    SELECT dataset, as_at, min(state) AS state FROM dated GROUP BY dataset, as_at
),
known AS (
    SELECT max(as_at) AS data_to FROM came
),
stepped AS (
    SELECT
        came.dataset,
        came.as_at,
        lead(came.as_at) OVER (PARTITION BY came.dataset ORDER BY came.as_at) AS next_as_at,
        known.data_to,
        described.cadence_months AS months,
        described.cadence_days AS days,
        30 * described.cadence_months + described.cadence_days AS step_days
    FROM came
    CROSS JOIN known
    JOIN services.dataset AS described USING (dataset)
    WHERE described.cadence_months + described.cadence_days > 0
),
counted AS (
    SELECT *, unnest(range(1, (coalesce(next_as_at, data_to) - as_at) // step_days + 2)) AS step FROM stepped
),
wanted AS (
    SELECT
        *,
        -- A month after its last day is the last day of the next.
        CASE
            WHEN months > 0 AND as_at = last_day(as_at) THEN last_day(CAST(as_at + to_months(CAST(step * months AS INTEGER)) AS DATE))
            ELSE CAST(as_at + to_months(CAST(step * months AS INTEGER)) AS DATE)
        END + CAST(step * days AS INTEGER) AS wanted_as_at
    FROM counted
),
lacking AS (
    SELECT dataset, wanted_as_at AS as_at, 'missing' AS state
    FROM wanted
    -- An extract stands for the date that it is nearer to.
    WHERE next_as_at IS NOT NULL AND wanted_as_at + CAST(step_days // 2 AS INTEGER) < next_as_at
    UNION ALL
    SELECT dataset, wanted_as_at, CASE WHEN wanted_as_at <= data_to THEN 'awaited' ELSE 'next' END
    FROM wanted
    WHERE next_as_at IS NULL
    -- All that the newest data ought to have beside them, and one more.
    QUALIFY wanted_as_at <= data_to
        OR wanted_as_at = min(wanted_as_at) FILTER (wanted_as_at > data_to) OVER (PARTITION BY dataset)
)
SELECT
    described.authority_code,  -- GSS code of the authority
    told.dataset,  -- dataset
    told.as_at,  -- date that the extract describes, or ought to
    CASE WHEN told.state NOT IN ('came', 'refused') THEN told.as_at + CAST(described.due_days AS INTEGER) END AS due_on,  -- day by which it was promised; empty where it came, or nothing is promised
    CASE
        WHEN told.state = 'awaited' AND told.as_at + CAST(described.due_days AS INTEGER) < known.data_to THEN 'overdue'
        ELSE told.state
    END AS state  -- came; refused (it could not be used); missing (a later one came); overdue (due before the date of the newest data here); awaited (the newest data are of its date or later); next
FROM (SELECT * FROM came UNION ALL SELECT * FROM lacking) AS told
CROSS JOIN known
JOIN services.dataset AS described USING (dataset)
