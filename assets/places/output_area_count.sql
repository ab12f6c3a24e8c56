-- What the population estimates and the census count in each Output Area, year by year, in millionths, so that parts add up to
-- the whole: usual residents, those aged 65 and over, and households by tenure. Output Area figures where the publisher
-- gives them (whole areas of every kind are made of them), else those of LSOAs, shared out by homes. A year that knows fewer
-- of the Output Areas than another (its areas were drawn otherwise) is left out: its sums would be too small.
-- key: counted, year, oa_code
WITH told AS (
    SELECT "of" AS source, file, CAST(list_last(regexp_extract_all(edition, '(?:19|20)\d\d')) AS BIGINT) AS year
    FROM sources.file_read
    WHERE status = 'read'
),
given AS (
    SELECT
        population.area_code,
        told.year,
        population.file,
        unnest(['people', 'people_65_and_over']) AS counted,
        unnest([population.people, population.people_65_and_over]) AS number
    FROM sources.population AS population
    LEFT JOIN told ON told.source = 'population' AND told.file = population.file
    UNION ALL
    SELECT
        tenure.area_code,
        coalesce(tenure.year, told.year),
        tenure.file,
        unnest(['owned', 'social_rented', 'private_rented', 'other']),
        unnest([tenure.owned, tenure.social_rented, tenure.private_rented, tenure.other])
    FROM sources.household_tenure AS tenure
    LEFT JOIN told ON told.source = 'household_tenure' AND told.file = tenure.file
),
figure AS (
    -- Of two files of one year the one whose name comes last.
    SELECT area_code, coalesce(year, 0) AS year, counted, number
    FROM given
    WHERE number IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY area_code, year, counted ORDER BY file DESC) = 1
),
block AS (
    -- Output Areas with their part in their LSOA: by homes, or each alike where no homes are known.
    SELECT
        block.authority_code,
        block.oa_code,
        block.lsoa_code,
        CASE WHEN sum(in_block.homes) OVER lsoa > 0 THEN coalesce(in_block.homes, 0) ELSE 1 END AS part,
        coalesce(nullif(sum(in_block.homes) OVER lsoa, 0), count(*) OVER lsoa) AS whole
    FROM places.output_area AS block
    LEFT JOIN (
        SELECT oa_code, CAST(sum(homes) AS BIGINT) AS homes FROM places.home GROUP BY oa_code
    ) AS in_block USING (oa_code)
    WINDOW lsoa AS (PARTITION BY block.lsoa_code)
),
finer AS (
    SELECT DISTINCT figure.counted, figure.year FROM figure JOIN block ON block.oa_code = figure.area_code
),
shared AS (
    SELECT block.authority_code, figure.counted, figure.year, block.oa_code, figure.number * 1000000 AS millionths
    FROM figure
    JOIN block ON block.oa_code = figure.area_code
    UNION ALL
    SELECT
        block.authority_code, figure.counted, figure.year, block.oa_code,
        CAST(round(1000000.0 * figure.number * block.part / block.whole) AS BIGINT)
    FROM figure
    JOIN block ON block.lsoa_code = figure.area_code
    ANTI JOIN finer ON finer.counted = figure.counted AND finer.year = figure.year
),
covering AS (
    SELECT counted, year
    FROM shared
    GROUP BY counted, year
    QUALIFY count(*) = max(count(*)) OVER (PARTITION BY counted)
)
SELECT
    authority_code,  -- GSS code of the authority
    counted,  -- people, people_65_and_over, or households by tenure: owned, social_rented, private_rented, other
    year,  -- year of the figure; 0 where neither file nor description tells one
    oa_code,  -- Output Area
    CAST(millionths AS BIGINT) AS millionths  -- how many, in millionths
FROM shared
JOIN covering USING (counted, year)
