-- purpose: what each employee sold, by branch: the dimensions beside a fact
-- rows: branch name, employee name, sales, value of their items; the largest first
select b.branch_name, e.employee_name, count(distinct s.sale_id) as sales, sum(i.sale_value) as value
from core.evo_sales s
join core.evo_sale_items i using (sale_id)
left join core.evo_branches b on b.branch_id = s.branch_id
left join core.evo_employees e on e.employee_id = s.employee_sale_id
where not s.removed
group by 1, 2
order by value desc nulls last;
