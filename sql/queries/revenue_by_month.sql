-- purpose: what was received in each month, by kind of payment
-- rows: month, payment type, receivables, amount due, amount received; the newest first
select date_trunc('month', receiving_date) as month, payment_type_name, count(*) as receivables, sum(amount) as due,
    sum(amount_paid) as received
from core.evo_receivables
where receiving_date is not null
group by 1, 2
order by 1 desc, received desc;
