drop table evo.recounts;
