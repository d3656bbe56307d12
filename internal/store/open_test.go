package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
)

func TestADatabaseOpenedAgainHoldsEverything(t *testing.T) {
	t.Parallel()
	storetest.EachConfig(t, os.Getenv, func(t *testing.T, cfg store.Config) {
		ctx := t.Context()
		db := must(store.Open(ctx, cfg))(t)
		user := must(db.CreateUser(ctx, ann()))(t)
		printer := must(db.BindPrinter(ctx, bench("S1"), false))(t)
		job := must(db.CreateJob(ctx, queued("S1"), []grove.Event{completed()}))(t)
		endpoint := subscribe(t, db, "wh_1", grove.PrintFailed)
		secret := must(db.Secret(ctx, "signing", func() ([]byte, error) { return []byte("bytes"), nil }))(t)
		ok(t, db.Close())

		db = storetest.Open(t, cfg)
		ok(t, db.Ping(ctx))
		same(t, must(db.User(ctx, user.ID))(t), user)
		same(t, must(db.Printer(ctx, "S1"))(t), printer)
		same(t, must(db.Job(ctx, job.ID))(t), job)
		same(t, must(db.AnyEndpoint(ctx, "wh_1"))(t), endpoint)
		same(t, must(db.Secret(ctx, "signing", nil))(t), secret)
		same(t, len(must(db.Events(ctx, 1, 0, 0))(t)), 2)
		next := must(db.CreateJob(ctx, queued("S1"), nil))(t)
		same(t, next.ID, job.ID+1)
	})
}

func TestAnotherMasterKeyIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	storetest.EachConfig(t, os.Getenv, func(t *testing.T, cfg store.Config) {
		storetest.Open(t, cfg)
		cfg.MasterKey = bytes.Repeat([]byte{8}, 32)
		_, err := store.Open(t.Context(), cfg)
		refused(t, err, grove.Internal, "wrong_master_key")
		cfg.MasterKey = []byte("short")
		_, err = store.Open(t.Context(), cfg)
		refused(t, err, grove.Invalid, "master_key")
	})
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	storetest.EachConfig(t, os.Getenv, func(t *testing.T, cfg store.Config) {
		db := storetest.Open(t, cfg)
		must(db.Raw(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, TRUE)`))(t)
		_, err := store.Open(t.Context(), cfg)
		refused(t, err, grove.Conflict, "database_newer")
	})
}

func TestManyNodesMayStartAtOnce(t *testing.T) {
	t.Parallel()
	address := storetest.Postgres(t, os.Getenv)
	errs := make(chan error)
	for range 4 {
		go func() {
			db, err := store.Open(t.Context(), store.Config{Database: address, MasterKey: storetest.MasterKey()})
			if err == nil {
				err = db.Close()
			}
			errs <- err
		}()
	}
	for range 4 {
		ok(t, <-errs)
	}
}

func TestWhyADatabaseDoesNotOpenIsSaidInWords(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "letter.txt"), bytes.Repeat([]byte("Dear Ann, "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	port := silent.Addr().(*net.TCPAddr).Port
	silent.Close()
	for name, c := range map[string]struct {
		cfg    store.Config
		code   grove.Code
		reason string
		words  string
	}{
		"nothing named":     {store.Config{}, grove.Invalid, "database", "--data"},
		"no directory":      {store.Config{Path: filepath.Join(dir, "none", "grove.db")}, grove.Unavailable, "database_path", "its directory exists"},
		"a directory":       {store.Config{Path: dir}, grove.Unavailable, "database_path", dir},
		"not a database":    {store.Config{Path: filepath.Join(dir, "letter.txt")}, grove.Unavailable, "database_path", "not Grove's own file"},
		"no address":        {store.Config{Database: "mysql://x"}, grove.Invalid, "database", "postgres://"},
		"no address at all": {store.Config{Database: "postgres://a:b@[::"}, grove.Invalid, "database", "postgres://"},
		"nobody listens": {
			store.Config{Database: fmt.Sprintf("postgres://ann:geheim@127.0.0.1:%d/grove", port)},
			grove.Unavailable, "database_unreachable", fmt.Sprintf("127.0.0.1, port %d", port),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.cfg.MasterKey = storetest.MasterKey()
			_, err := store.Open(t.Context(), c.cfg)
			refused(t, err, c.code, c.reason)
			if message := grove.AsError(err).Message; !strings.Contains(message, c.words) {
				t.Errorf("%q does not say %q", message, c.words)
			}
			if strings.Contains(err.Error(), "geheim") {
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

func TestAMissingPostgresDatabaseIsNamed(t *testing.T) {
	t.Parallel()
	address := strings.Replace(storetest.Postgres(t, os.Getenv), "/grove_test_", "/nowhere_", 1)
	_, err := store.Open(t.Context(), store.Config{Database: address, MasterKey: storetest.MasterKey()})
	refused(t, err, grove.Unavailable, "database_unreachable")
	if !strings.Contains(err.Error(), "nowhere_") {
		t.Errorf("%q does not name the database", err)
	}
}

func TestSealedColumnsAreNotReadableInTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := store.Config{Path: filepath.Join(dir, "odd name?#%.db"), MasterKey: storetest.MasterKey()}
	db := must(store.Open(t.Context(), cfg))(t)
	p := bench("S1")
	p.AccessCode = "c0decafe"
	must(db.BindPrinter(t.Context(), p, false))(t)
	subscribe(t, db, "wh_1")
	must(db.Secret(t.Context(), "signing", func() ([]byte, error) { return []byte("private-key-bytes"), nil }))(t)
	ok(t, db.Close())
	content := must(os.ReadFile(cfg.Path))(t)
	for _, hidden := range []string{"c0decafe", "whsec_", "private-key-bytes"} {
		if bytes.Contains(content, []byte(hidden)) {
			t.Errorf("%s is readable in the file", hidden)
		}
	}
	if !bytes.Contains(content, []byte("Bench")) {
		t.Error("the printer's name is not in the file, so this test looks at the wrong one")
	}
	if mode := must(os.Stat(cfg.Path))(t).Mode().Perm(); mode != 0o600 {
		t.Errorf("the file is open to others: %v", mode)
	}
}

func TestASealedValueOpensInItsOwnRowOnly(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(db.BindPrinter(ctx, bench("S1"), false))(t)
		other := bench("S2")
		other.AccessCode = "87654321"
		must(db.BindPrinter(ctx, other, false))(t)
		must(db.Raw(ctx, `UPDATE printers SET access_code = (SELECT p.access_code FROM printers p WHERE p.serial = 'S1') WHERE serial = 'S2'`))(t)
		if p, err := db.Printer(ctx, "S2"); err == nil {
			t.Fatalf("the code of S1 opened in the row of S2: %s", string(p.AccessCode))
		}
		must(db.Printer(ctx, "S1"))(t)
	})
}

func TestAFullDiskIsSaidAndNothingIsHalfSaved(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	ctx := t.Context()
	// The file may not grow any more.
	must(db.Raw(ctx, `PRAGMA max_page_count = 1`))(t)
	var err error
	saved := 0
	for range 1000 {
		j := queued("S1")
		j.Why = strings.Repeat("x", 1000)
		if _, err = db.CreateJob(ctx, j, []grove.Event{completed()}); err != nil {
			break
		}
		saved++
	}
	refused(t, err, grove.Unavailable, grove.ReasonDiskFull)
	same(t, must(db.Jobs(ctx, grove.JobQuery{}, grove.Page{}))(t).Total, saved)
	same(t, len(must(db.Events(ctx, 1, 0, 0))(t)), 2*saved)
	must(db.Raw(ctx, `PRAGMA max_page_count = 100000`))(t)
	must(db.CreateJob(ctx, queued("S1"), nil))(t)
}

func TestAnEndedContextChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := contextOf(t)
		job := must(db.CreateJob(ctx, queued("S1"), nil))(t)
		_, err := db.UpdateJob(ctx, job.ID, func(j *grove.Job) ([]grove.Event, error) {
			cancel()
			return nil, j.MoveTo(grove.Claimed)
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want the context's end", err)
		}
		same(t, must(db.Job(t.Context(), job.ID))(t), job)
	})
}

func TestTwoProgramsOnOneFileWaitForEachOther(t *testing.T) {
	t.Parallel()
	cfg := store.Config{Path: filepath.Join(t.TempDir(), "grove.db"), MasterKey: storetest.MasterKey()}
	one, two := storetest.Open(t, cfg), storetest.Open(t, cfg)
	errs := make(chan error)
	for _, db := range []*store.DB{one, two} {
		go func() {
			var err error
			for range 20 {
				err = errors.Join(err, db.AddEvents(t.Context(), []grove.Event{{UserID: 1, Type: grove.JobQueued, At: time.Now()}}))
			}
			errs <- err
		}()
	}
	ok(t, errors.Join(<-errs, <-errs))
	same(t, len(must(one.Events(t.Context(), 1, 0, 0))(t)), 40)
}
