-- Recorded use of each service by the age of whom it is about, by tenure and by fifth of deprivation: the latest complete
-- period, the whole authority; one row per dataset, breakdown and group. Age and tenure are those that the service itself
-- records: a dataset that does not say has no rows of that breakdown. Deprivation is that of the LSOA of the place.
-- key: dataset, breakdown, group_name
-- use: demand
WITH counted AS (
    SELECT
        placed.dataset,
        placed.weight,
        placed.who,
        CASE
            WHEN age.age_band IN ('0 to 17', '18 to 64') THEN 'under 65'
            WHEN age.age_band IS NOT NULL THEN '65 and over'
            ELSE 'not known'
        END AS age,
        coalesce(tenure.tenure_group, 'not known') AS tenure,
        CASE (known.imd_decile + 1) // 2
            WHEN 1 THEN '1, most deprived' WHEN 2 THEN '2' WHEN 3 THEN '3' WHEN 4 THEN '4' WHEN 5 THEN '5, least deprived'
            ELSE 'not known'
        END AS deprivation
    FROM places.record_counted AS placed
    JOIN places.counted_period AS period
        ON period.dataset = placed.dataset AND period.period_start = placed.period_start AND period.is_latest
    LEFT JOIN services.record_age AS age
        ON age.dataset = placed.dataset AND age.file = placed.file AND age.row_number = placed.row_number
    LEFT JOIN services.record_tenure AS stated
        ON stated.dataset = placed.dataset AND stated.file = placed.file AND stated.row_number = placed.row_number
    LEFT JOIN services.tenure AS tenure ON tenure.dataset = stated.dataset AND tenure.tenure = stated.tenure
    LEFT JOIN sources.deprivation AS known ON known.lsoa_code = placed.lsoa_code AND known.imd_decile BETWEEN 1 AND 10
),
grouped AS (
    SELECT dataset, weight, who, 'age' AS breakdown, age AS group_name FROM counted
    UNION ALL
    SELECT dataset, weight, who, 'tenure', tenure FROM counted
    UNION ALL
    SELECT dataset, weight, who, 'deprivation', deprivation FROM counted
),
used AS (
    -- A tally is of as many as it says.
    SELECT
        dataset,
        breakdown,
        group_name,
        sum(weight) AS recorded_use,
        count(DISTINCT who) FILTER (weight <= 1) + coalesce(sum(weight) FILTER (weight > 1), 0) AS contributors
    FROM grouped
    GROUP BY ALL
),
shown AS (
    -- Every group has a row, whether it has records or not: an absent one would tell that there are none. Of a tenure
    -- group that no tenure of the dataset belongs to there is no count.
    SELECT dataset, 'age' AS breakdown, unnest(['under 65', '65 and over', 'not known']) AS group_name, true AS is_told
    FROM (SELECT DISTINCT dataset FROM services.record_age)
    UNION ALL
    SELECT each.dataset, 'tenure', each.group_name, bool_or(known.tenure_group = each.group_name)
    FROM (
        SELECT DISTINCT dataset, unnest(['owned', 'social rented', 'private rented', 'other', 'not known']) AS group_name
        FROM services.tenure
    ) AS each
    JOIN services.tenure AS known USING (dataset)
    GROUP BY ALL
    UNION ALL
    SELECT dataset, 'deprivation', unnest(['1, most deprived', '2', '3', '4', '5, least deprived', 'not known']), true
    FROM (SELECT DISTINCT dataset FROM places.counted_period)
    WHERE EXISTS (SELECT 1 FROM sources.deprivation AS known JOIN places.output_area USING (lsoa_code))
)
SELECT
    period.authority_code,  -- GSS code of the authority
    period.dataset,  -- dataset
    shown.breakdown,  -- age, tenure or deprivation (fifths of England's LSOAs)
    shown.group_name,  -- under 65, 65 and over; owned, social rented, private rented, other; fifths; `not known` is a group of its own
    period.period,  -- the dataset's latest complete period; where none is complete the latest
    period.period_start,  -- first day of that period
    CASE WHEN shown.is_told THEN CAST(coalesce(used.recorded_use, 0) AS BIGINT) END AS recorded_use,  -- what the dataset counts (accounts, events, people, ...) of the group; empty of a tenure group that it has no word for
    CASE WHEN shown.is_told THEN CAST(coalesce(used.contributors, 0) AS BIGINT) END AS contributors  -- how many people or households stand behind it (or addresses, where the extract names neither)
FROM places.counted_period AS period
JOIN shown USING (dataset)
LEFT JOIN used USING (dataset, breakdown, group_name)
WHERE period.is_latest
