-- Which two extracts of a snapshot tell what changed since the month before: the last of the latest month, and the last of the
-- month before it that has one. One row per dataset whose records have a reference and that has both.
-- key: dataset
-- use: demand
WITH in_month AS (
    SELECT record.dataset, max(record.as_at) AS as_at
    FROM services.record AS record
    JOIN services.dataset AS described USING (dataset)
    WHERE record.role = 'service' AND described.kind = 'stock'
        -- Without a reference a record is called by file and row, and nothing tells which it was before.
        AND record.record_id <> record.file || '#' || record.row_number
    GROUP BY record.dataset, date_trunc('month', record.as_at)
),
dated AS (
    SELECT dataset, list(as_at ORDER BY as_at DESC) AS dates FROM in_month GROUP BY dataset HAVING count(*) > 1
)
SELECT
    authority.authority_code,  -- GSS code of the authority
    dated.dataset,  -- dataset
    dated.dates[1] AS as_at,  -- date of the later extract
    dated.dates[2] AS as_at_before  -- date of the earlier one
FROM dated
CROSS JOIN sources.authority AS authority
