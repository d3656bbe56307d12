package store_test

import (
	"path/filepath"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
)

// filled is a database with 1,000 printers and 100,000 jobs, one in 20 queued
// and one in 500 running.
func filled(b *testing.B) store.Config {
	b.Helper()
	cfg := store.Config{Path: filepath.Join(b.TempDir(), "grove.db"), MasterKey: storetest.MasterKey()}
	db, err := store.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.CreateJob(b.Context(), queued("S0"), nil); err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
			INSERT INTO printers (serial, model, state) SELECT 'S' || i, 'C12', randomblob(12000) FROM n`,
		`INSERT INTO ownerships (printer_serial, user_id, name, since) SELECT serial, 1, serial, 1 FROM printers`,
		`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
			INSERT INTO jobs (id, owner_id, serial, file_id, file_name, plate, state,
				why, failure, percent, options, mode, profile_id, model_id, estimate_seconds, weight_grams, length_meters,
				created_at, expires_at, start_by, started_at, finished_at, version)
			SELECT id + i, 1 + i % 100, 'S' || (i % 1000), file_id, file_name, plate,
				CASE WHEN i % 20 = 0 THEN 'queued' WHEN i < 1000 AND i % 5 = 1 THEN 'running' ELSE 'finished' END,
				why, failure, percent, options, mode, profile_id, model_id, estimate_seconds, weight_grams, length_meters,
				created_at, expires_at, start_by, started_at, finished_at, 1 FROM jobs, n`,
	} {
		if _, err := db.Raw(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	return cfg
}

// BenchmarkStart is what the store takes of the two seconds from start to ready.
func BenchmarkStart(b *testing.B) {
	cfg := filled(b)
	for b.Loop() {
		db, err := store.Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		printers, err := db.Printers(b.Context(), 0, grove.Page{})
		if err != nil || printers.Total != 1000 {
			b.Fatal(printers.Total, err)
		}
		heads, err := db.Heads(b.Context(), noon)
		if err != nil || len(heads) == 0 {
			b.Fatal(len(heads), err)
		}
		running, err := db.Jobs(b.Context(), grove.JobQuery{States: []grove.JobState{grove.Running, grove.Unknown}}, grove.Page{})
		if err != nil || running.Total != 200 {
			b.Fatal(running.Total, err)
		}
		db.Close()
	}
}

func BenchmarkHeads(b *testing.B) {
	db := storetest.Open(b, filled(b))
	for b.Loop() {
		if _, err := db.Heads(b.Context(), noon); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkJobsPage(b *testing.B) {
	db := storetest.Open(b, filled(b))
	for b.Loop() {
		if _, err := db.Jobs(b.Context(), grove.JobQuery{OwnerID: 7}, grove.Page{Limit: 20}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTurn is one change of a printer and its job with an event.
func BenchmarkTurn(b *testing.B) {
	db := storetest.Open(b, filled(b))
	for b.Loop() {
		_, err := db.UpdatePrinter(b.Context(), "S1", func(p *grove.Printer, active *grove.Job) ([]grove.Event, error) {
			p.PrintError++
			active.Percent++
			return []grove.Event{{UserID: 1, Type: grove.JobStarted, At: noon}}, nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSaveStates(b *testing.B) {
	db := storetest.Open(b, filled(b))
	printers, err := db.Printers(b.Context(), 0, grove.Page{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := db.SaveStates(b.Context(), printers.Items); err != nil {
			b.Fatal(err)
		}
	}
}
