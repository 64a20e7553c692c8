-- purpose: the staging keys of a chunk
-- placeholders: {names} of evo_changed, {keys} of staging, {source} the chunk's rows
-- rows: none; fills evo_changed
insert into evo_changed ({names})
select {keys} from {source} s
