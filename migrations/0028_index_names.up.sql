-- purpose: give an index a name that leaves room for what a rebuild (_ccnew) and a cluster (_102008) add to it: the names of
--          two indexes would be the same in their first 63 characters
-- locks: the index, SHARE UPDATE EXCLUSIVE; readers and writers of the table go on
do $$
begin
    -- It may have been renamed or dropped, and the new name may be taken.
    if to_regclass('core.evo_member_memberships_all_member_membership_id_idx') is not null
       and to_regclass('core.evo_member_memberships_all_membership_idx') is null then
        alter index core.evo_member_memberships_all_member_membership_id_idx
            rename to evo_member_memberships_all_membership_idx;
    end if;
end $$;
