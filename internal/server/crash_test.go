package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/sim"
)

// crashVariable makes this test binary a server that kills itself with SIGKILL
// at the step of that number after a job was made; 0 never.
const (
	crashVariable = "GROVE_TEST_CRASH_AT"
	dataVariable  = "GROVE_TEST_DATA"
	lifeVariable  = "GROVE_TEST_JOB_LIFE" // how long a job may wait; unset: as always
	diskVariable  = "GROVE_TEST_DISK"     // size of a disk of its own for the data; unset: none
)

// bomb counts what the queue does to the outside world and kills the process at
// one step, without any clean-up, as a power cut would.
type bomb struct {
	at    int64
	armed atomic.Bool
	count atomic.Int64
}

func (b *bomb) step() {
	if b.armed.Load() && b.count.Add(1) == b.at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

type fusedRecords struct {
	queue.Records
	*bomb
}

func (r fusedRecords) CreateJobs(ctx context.Context, j grove.Job, copies int, e []grove.Event, acts ...func(grove.Job) grove.AuditEntry) ([]grove.Job, error) {
	made, err := r.Records.CreateJobs(ctx, j, copies, e, acts...)
	r.armed.Store(true)
	return made, err
}

func (r fusedRecords) UpdateJob(ctx context.Context, id int64, fn func(*grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Job, error) {
	r.step()
	defer r.step()
	return r.Records.UpdateJob(ctx, id, fn, acts...)
}

func (r fusedRecords) UpdatePrinter(ctx context.Context, serial string, fn func(*grove.Printer, *grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Printer, error) {
	r.step()
	defer r.step()
	return r.Records.UpdatePrinter(ctx, serial, fn, acts...)
}

type fusedPrinters struct {
	queue.Printers
	*bomb
}

func (p fusedPrinters) Refresh(ctx context.Context, serial string) error {
	p.step()
	defer p.step()
	return p.Printers.Refresh(ctx, serial)
}

func (p fusedPrinters) Start(ctx context.Context, o queue.Order) error {
	p.step()
	defer p.step()
	return p.Printers.Start(ctx, o)
}

// crashChild is the child process.
func crashChild(at string) {
	var n int64
	if _, err := fmt.Sscan(at, &n); err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	config := childConfig(os.Getenv(dataVariable))
	if size := os.Getenv(diskVariable); size != "" {
		var err error
		if config.Data, err = mountSmallDisk(config.Data, size); err != nil {
			panic(err)
		}
		config.MinFree = 0 // the disk itself says when it is full
	}
	s, err := open(ctx, config, func(c *queue.Config) {
		b := &bomb{at: n}
		c.Records, c.Printers = fusedRecords{c.Records, b}, fusedPrinters{c.Printers, b}
		c.Proof, c.Pace = 2*time.Second, 100*time.Millisecond
		c.Life, _ = time.ParseDuration(os.Getenv(lifeVariable))
	})
	if err != nil {
		panic(err)
	}
	info, err := s.Info(ctx)
	if err != nil {
		panic(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(info); err != nil {
		panic(err)
	}
	if err := s.Run(ctx); err != nil {
		panic(err)
	}
}

func childConfig(data string) Config {
	return Config{
		Data: data, HTTP: "127.0.0.1:0", MQTTS: "127.0.0.1:0", Limits: "off", MinFree: 1, OfflineGrace: time.Second, HookLoopback: true,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
}

// child is a server in a process of its own.
type child struct {
	*house
	process *exec.Cmd
	dead    chan struct{}
}

func startChild(t *testing.T, data string, crashAt int, change ...func(*exec.Cmd)) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := exec.Command(exe)
	p.Env = append(os.Environ(), fmt.Sprintf("%s=%d", crashVariable, crashAt), dataVariable+"="+data)
	p.Stderr = t.Output()
	for _, f := range change {
		f(p)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{house: &house{t: t}, process: p, dead: make(chan struct{})}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the child said nothing: %v", err)
	}
	go func() {
		defer close(c.dead)
		_, _ = io.Copy(io.Discard, out)
		_ = p.Wait()
	}()
	t.Cleanup(c.end)
	if err := json.Unmarshal(line, &c.info); err != nil {
		t.Fatal(err)
	}
	return c
}

// end asks the child to stop and waits for it.
func (c *child) end() {
	_ = c.process.Process.Signal(syscall.SIGTERM)
	<-c.dead
}

// crossing forwards connections to whichever server is up, so that a printer
// finds the next one at the old address.
type crossing struct {
	net.Listener
	to atomic.Pointer[string]
	wg sync.WaitGroup
}

func newCrossing(t *testing.T) *crossing {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &crossing{Listener: l}
	x.wg.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			x.wg.Go(func() { x.carry(from) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); x.wg.Wait() })
	return x
}

func (x *crossing) carry(from net.Conn) {
	defer from.Close()
	address := x.to.Load()
	if address == nil {
		return
	}
	to, err := net.Dial("tcp", *address)
	if err != nil {
		return
	}
	defer to.Close()
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_ = from.Close()
			_ = to.Close()
		})
	}
	both.Wait()
}

// scene is a cloud's directory with an owner, a bound printer and a file.
type crashScene struct {
	data   string
	secret grove.Secret
	fileID string
}

func prepare(t *testing.T) crashScene {
	t.Helper()
	c := testConfig(t)
	h := owned(t, c)
	b, err := h.client.Bind(t.Context(), bindRequest())
	if err != nil {
		t.Fatal(err)
	}
	s := crashScene{data: c.Data, secret: b.Data.DeviceSecret, fileID: h.upload().FileID}
	h.stop()
	return s
}

// A server is killed at every step of a start, and another one takes over its
// directory. Whatever the step: never two physical starts of a job, never one on
// a plate that is not clear, and the job does not stay in between.
func TestAKilledServerNeverStartsAPrintTwice(t *testing.T) { //nolint:tparallel // the count comes after all of them
	t.Parallel()
	ready := prepare(t)
	const steps = 20
	var killed atomic.Int64
	t.Run("at each step", func(t *testing.T) {
		for n := 1; n <= steps; n++ {
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				t.Parallel()
				if crashOnce(t, ready, n) {
					killed.Add(1)
				}
			})
		}
	})
	// claim, ready, refresh, commit, start and the first turns: before and after each
	if killed.Load() < 14 {
		t.Errorf("only %d of %d steps were reached", killed.Load(), steps)
	}
}

// stage is a printer with a ledger that finds whichever server is up on a copy of
// a cloud's directory.
type stage struct {
	crashScene
	t      *testing.T
	ledger string
	bridge *crossing
}

func (s crashScene) stage(t *testing.T) *stage {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(data, os.DirFS(s.data)); err != nil {
		t.Fatal(err)
	}
	s.data = data
	return &stage{crashScene: s, t: t, ledger: filepath.Join(t.TempDir(), "ledger"), bridge: newCrossing(t)}
}

// print runs a server that kills itself at a step, lets its printer report, and
// asks for a print. The server may die before it answers; the job is on disk all
// the same.
func (s *stage) print(crashAt int, change ...func(*exec.Cmd)) *child {
	s.t.Helper()
	book, err := sim.OpenLedger(s.ledger)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = book.Close() })
	c := s.serve(crashAt, change...)
	c.server = &Server{ca: mustCA(s.t, s.data)}
	c.live(sim.Config{
		Serial: bench, Model: "P1S", Secret: s.secret, Broker: s.bridge.Addr().String(), TLS: c.server.ca.clientTLS(),
		Speed: 600, Tick: 50 * time.Millisecond, Seed: 1, Retry: 50 * time.Millisecond, Ledger: book, Log: slog.New(slog.DiscardHandler),
	})
	c.reports()
	_, _ = c.client.Print(s.t.Context(), cloudapi.PrintRequest{DeviceID: bench, FileID: s.fileID})
	return c
}

func (s *stage) serve(crashAt int, change ...func(*exec.Cmd)) *child {
	s.t.Helper()
	c := startChild(s.t, s.data, crashAt, change...)
	s.bridge.to.Store(&c.info.MQTTS)
	c.signIn()
	return c
}

// settle lets another server take over and gives what became of the one job, and
// the starts of the printer.
func (s *stage) settle() (grove.Job, []sim.Start) {
	s.t.Helper()
	c := s.serve(0)
	made, err := c.client.Jobs(s.t.Context(), grove.JobQuery{}, grove.Page{})
	if err != nil || len(made.Items) != 1 {
		s.t.Fatalf("there are these jobs: %+v %v", made.Items, err)
	}
	return c.ends(made.Items[0].ID), ledger(s.t, s.ledger)
}

// crashOnce kills at step n and reports whether that step was reached.
func crashOnce(t *testing.T, ready crashScene, n int) bool {
	t.Helper()
	s := ready.stage(t)
	first := s.print(n)
	reached := first.diesOrFinishes()
	if !reached {
		first.end()
	}
	job, starts := s.settle()
	if len(starts) > 1 {
		t.Errorf("killed at step %d: started %d times: %+v", n, len(starts), starts)
	}
	for _, s := range starts {
		if !s.PlateClear || s.TaskID != job.TaskID() {
			t.Errorf("killed at step %d: start %+v", n, s)
		}
		if job.Attempt == nil || s.At.After(job.Attempt.NotAfter) {
			t.Errorf("killed at step %d: started at %s, allowed was %+v", n, s.At, job.Attempt)
		}
	}
	if job.State == grove.Finished && len(starts) != 1 {
		t.Errorf("killed at step %d: finished after %d starts", n, len(starts))
	}
	return reached
}

// A server that is killed before the start and comes back after the deadline
// starts nothing: nobody expects the print any more.
func TestAKilledServerNeverStartsAPrintLate(t *testing.T) {
	t.Parallel()
	ready := prepare(t)
	const life = 4 * time.Second
	for _, n := range []int{1, 2, 4, 6, 8, 9} { // from the claim to just before the start
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			s := ready.stage(t)
			first := s.print(n, func(c *exec.Cmd) { c.Env = append(c.Env, lifeVariable+"="+life.String()) })
			if !first.diesOrFinishes() {
				t.Fatal("the step was not reached in the life of the job")
			}
			<-time.After(life) // it was made before the server died
			job, starts := s.settle()
			if len(starts) > 0 {
				t.Errorf("started late: %+v", starts)
			}
			if job.State != grove.Expired && job.Failure != "not_started" {
				t.Errorf("job %+v", job)
			}
		})
	}
}

func (c *child) signIn() {
	c.t.Helper()
	c.client = c.newClient("")
	if _, err := c.client.Login(c.t.Context(), ownerEmail, ownerPassword); err != nil {
		c.t.Fatal(err)
	}
}

// reports waits until the printer has told its state to the child.
func (c *child) reports() {
	c.t.Helper()
	until(c.t, "the printer reports", func() bool {
		live, err := c.client.Printer(c.t.Context(), bench)
		return err == nil && live.Complete && live.GcodeState != ""
	})
}

// diesOrFinishes waits until the child is gone, or its job is done because the
// step was never reached.
func (c *child) diesOrFinishes() (died bool) {
	c.t.Helper()
	until(c.t, "the child dies or the job is done", func() bool {
		select {
		case <-c.dead:
			died = true
			return true
		default:
		}
		made, err := c.client.Jobs(c.t.Context(), grove.JobQuery{}, grove.Page{})
		return err == nil && len(made.Items) == 1 && made.Items[0].State.Done()
	})
	return died
}

// A webhook that was not answered before the server was killed is delivered by
// its successor, under the same id.
func TestAWebhookOutlivesTheServer(t *testing.T) {
	t.Parallel()
	ready := prepare(t)
	var mu sync.Mutex
	var ids []string
	hold := make(chan struct{})
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		ids = append(ids, r.Header.Get("Webhook-Id"))
		first := len(ids) == 1
		mu.Unlock()
		if first {
			<-hold // until the server is dead
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(hook.Close)
	seen := func() int { mu.Lock(); defer mu.Unlock(); return len(ids) }

	first := startChild(t, ready.data, 0)
	first.signIn()
	made, err := first.client.CreateWebhook(t.Context(), cloudapi.WebhookRequest{URL: hook.URL, Events: []grove.EventType{grove.PrintCompleted}})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := first.client.TestWebhook(t.Context(), made.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the first attempt is under way", func() bool { return seen() == 1 })
	_ = first.process.Process.Kill()
	<-first.dead
	close(hold)

	second := startChild(t, ready.data, 0)
	second.signIn()
	until(t, "the delivery is made", func() bool {
		list, err := second.client.Deliveries(t.Context(), made.ID, grove.Page{})
		return err == nil && len(list.Items) == 1 && list.Items[0].State == grove.DeliveryDelivered
	})
	mu.Lock()
	defer mu.Unlock()
	for _, id := range ids {
		if id != sent.ID {
			t.Errorf("attempts under the ids %v, want all %s", ids, sent.ID)
		}
	}
}
