package storetest

import (
	"bufio"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The variables of the environment that [Postgres] reads.
const (
	// postgresVariable holds the postgres:// address of a server to use instead
	// of a throwaway one. Its user must be allowed to make databases.
	postgresVariable = "GROVE_TEST_POSTGRES"
	// ciVariable, when true, makes a missing PostgreSQL a failure.
	ciVariable = "CI"
)

//go:embed postgres.sh
var script string

// errNotInstalled: this machine has no PostgreSQL server.
var errNotInstalled = errors.New("no PostgreSQL server is installed")

// server is a running PostgreSQL.
type server struct {
	address string
	// lifeline is its standard input, never written to: the server ends when it
	// is closed, also by the collector of garbage.
	lifeline io.Closer
}

// throwaway starts the one server of this test binary when first asked. It ends
// and is removed when the binary does.
var throwaway = sync.OnceValues(startThrowaway)

// Postgres makes an empty database for one test and gives its address; it is
// dropped when the test ends. env is os.Getenv. The server is the one named by
// GROVE_TEST_POSTGRES, else a throwaway one of this test binary. Where no
// PostgreSQL is installed the test is skipped, or fails when CI is true.
func Postgres(t testing.TB, env func(string) string) string {
	t.Helper()
	given := env(postgresVariable)
	if given == "" {
		own, err := throwaway()
		if errors.Is(err, errNotInstalled) && env(ciVariable) != "true" {
			t.Skip(err)
		}
		if err != nil {
			t.Fatalf("start PostgreSQL: %v", err)
		}
		given = own.address
	}
	name := "grove_test_" + strings.ToLower(rand.Text())
	run(t.Context(), t, given, "CREATE DATABASE "+name)
	t.Cleanup(func() { run(context.Background(), t, given, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	address, err := url.Parse(given)
	if err != nil {
		t.Fatalf("read the address of PostgreSQL: %v", err)
	}
	address.Path = "/" + name
	return address.String()
}

func run(ctx context.Context, t testing.TB, address, statement string) {
	t.Helper()
	c, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatalf("connect to PostgreSQL: %v", err)
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// startThrowaway starts a server of its own.
func startThrowaway() (server, error) {
	programs, err := programDir()
	if err != nil {
		return server{}, err
	}
	arguments := []string{"sh", "-c", script, "sh", programs}
	if os.Geteuid() == 0 {
		// PostgreSQL refuses to run as root.
		arguments = append([]string{"runuser", "-u", "postgres", "--"}, arguments...)
	}
	command := exec.Command(arguments[0], arguments[1:]...) //nolint:gosec,noctx // G204: tests run the installed PostgreSQL; it outlives the test that starts it
	lifeline, err := command.StdinPipe()
	if err != nil {
		return server{}, err
	}
	said, err := command.StdoutPipe()
	if err != nil {
		return server{}, err
	}
	if err := command.Start(); err != nil {
		return server{}, err
	}
	var heard []string
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if dir, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
			return server{address: "postgres://grove@/postgres?host=" + url.QueryEscape(dir), lifeline: lifeline}, nil
		}
		heard = append(heard, lines.Text())
	}
	return server{}, fmt.Errorf("it ended at once: %s", strings.Join(heard, "\n"))
}

// programDir finds the newest installed server's programs.
func programDir() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errNotInstalled
	}
	return filepath.Dir(path), nil
}
