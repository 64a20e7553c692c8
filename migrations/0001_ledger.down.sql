-- purpose: undo 0001; everything that evo remembers is lost
drop table evo.model_batches, evo.models, evo.issues, evo.rejects, evo.objects, evo.batches, evo.runs;
