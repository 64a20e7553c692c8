do $$
begin
    if to_regclass('core.evo_member_memberships_all_membership_idx') is not null
       and to_regclass('core.evo_member_memberships_all_member_membership_id_idx') is null then
        alter index core.evo_member_memberships_all_membership_idx
            rename to evo_member_memberships_all_member_membership_id_idx;
    end if;
end $$;
