package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
)

// set is a camera that does what a test says.
type set struct {
	*printer
	now, most, ever atomic.Int64 // readers
	read            func(ctx context.Context, show func([]byte)) error
	off             atomic.Pointer[grove.Error]
}

func (s *set) Sight() error {
	if off := s.off.Load(); off != nil {
		return off
	}
	return nil
}

func (s *set) Watch(ctx context.Context, show func([]byte)) error {
	s.ever.Add(1)
	if now := s.now.Add(1); now > s.most.Load() {
		s.most.Store(now)
	}
	defer s.now.Add(-1)
	return s.read(ctx, show)
}

// counting shows numbers, ten a second.
func counting(ctx context.Context, show func([]byte)) error {
	for n := 0; ; n++ {
		show(fmt.Append(nil, n))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestACameraHasOneReaderHoweverManyWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := newHouse(t), &set{printer: &printer{}, read: counting}
		detach := h.Attach(serial, s)
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		shown := make([]int, 50)
		for i := range shown {
			watching.Go(func() {
				_ = h.Film(ctx, h.actor, serial, func([]byte) error {
					if shown[i]++; i == 0 {
						<-time.After(time.Second) // the slow one
					}
					return nil
				})
			})
		}
		<-time.After(10*time.Second - time.Millisecond)
		cancel()
		watching.Wait()
		for i, n := range shown {
			if want := 100; i > 0 && n != want {
				t.Errorf("viewer %d saw %d pictures, want %d", i, n, want)
			}
		}
		if shown[0] < 9 || shown[0] > 11 {
			t.Errorf("the slow one saw %d pictures, want 10", shown[0])
		}
		<-time.After(9 * time.Second)
		picture, err := h.Picture(t.Context(), h.actor, serial)
		if err != nil || len(picture) != 3 || s.ever.Load() != 1 {
			t.Errorf("soon after, picture %q %v of reader %d, want one past 99 of the first", picture, err, s.ever.Load())
		}
		<-time.After(11 * time.Second)
		if s.now.Load() != 0 {
			t.Error("nobody watches, and it is still read")
		}
		if picture, err := h.Picture(t.Context(), h.actor, serial); err != nil || string(picture) != "0" || s.most.Load() != 1 {
			t.Errorf("later, picture %q %v, and at most %d readers", picture, err, s.most.Load())
		}
		detach("over")
		synctest.Wait()
	})
}

func TestAReaderThatIsSlowToLeaveIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := newHouse(t), &set{printer: &printer{}}
		s.read = func(ctx context.Context, show func([]byte)) error {
			show([]byte("jpeg"))
			<-ctx.Done()
			show([]byte("late"))
			<-time.After(3 * time.Second)
			return nil
		}
		for range 3 {
			detach := h.Attach(serial, s)
			if picture, err := h.Picture(t.Context(), h.actor, serial); string(picture) != "jpeg" {
				t.Errorf("picture %q %v", picture, err)
			}
			detach("gone")
		}
		<-time.After(4 * time.Second)
		if s.most.Load() != 1 || s.ever.Load() != 3 || s.now.Load() != 0 {
			t.Errorf("%d readers at a time, %d in all, %d left", s.most.Load(), s.ever.Load(), s.now.Load())
		}
	})
}

func TestACameraThatFailsIsTriedLessAndLessOftenAndLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		h := newHouse(t, func(c *fleet.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		s := &set{printer: &printer{}}
		var works atomic.Bool
		s.read = func(ctx context.Context, show func([]byte)) error {
			if works.Load() {
				return counting(ctx, show)
			}
			return grove.Errorf(grove.Unavailable, "camera_hung_up", "it hung up")
		}
		detach := h.Attach(serial, s)
		for range 5 { // the first opens it, the others come while it may not be tried
			if _, err := h.Picture(t.Context(), h.actor, serial); !errors.Is(err, grove.Unavailable) || !grove.HasReason(err, "camera_hung_up") {
				t.Errorf("picture: %v", err)
			}
		}
		if n := s.ever.Load(); n != 1 {
			t.Errorf("read %d times at once", n)
		}
		<-time.After(9 * time.Second) // 1, 2 and 4 s later; then nobody watched for long enough
		synctest.Wait()
		if n := s.ever.Load(); n != 4 {
			t.Errorf("read %d times in 9 s, want 4", n)
		}
		if n := strings.Count(log.String(), "camera not read"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, &log)
		}
		<-time.After(time.Minute)
		works.Store(true)
		if picture, err := h.Picture(t.Context(), h.actor, serial); err != nil || string(picture) != "0" {
			t.Errorf("when it works again: %q %v", picture, err)
		}
		detach("over")
		synctest.Wait()
	})
}

func TestACameraThatIsSilentOrOffHasNoPicture(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, s := newHouse(t), &set{printer: &printer{}}
		s.read = func(ctx context.Context, _ func([]byte)) error {
			<-ctx.Done()
			return ctx.Err()
		}
		detach := h.Attach(serial, s)
		began := time.Now()
		if err := h.Film(t.Context(), h.actor, serial, func([]byte) error { return nil }); !grove.HasReason(err, fleet.ReasonDark) {
			t.Errorf("silent: %v", err)
		}
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("told after %s", took)
		}
		s.off.Store(grove.Errorf(grove.NotFound, "liveview_off", "switch it on"))
		read := s.ever.Load()
		for _, err := range []error{
			h.Pictured(h.actor, serial), h.Film(t.Context(), h.actor, serial, func([]byte) error { return nil }),
			func() error { _, err := h.Still(t.Context(), serial); return err }(),
		} {
			if !grove.HasReason(err, "liveview_off") {
				t.Errorf("off: %v", err)
			}
		}
		if s.ever.Load() != read {
			t.Error("it was read all the same")
		}
		detach("over")
		synctest.Wait()
	})
}

func TestTheSightOfAPrinterIsByItsModelAndItsWord(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const dark, other = `{"print":{"command":"push_status","ipcam":{"rtsp_url":"disable"}}}`, "00M00A000000001"
	if _, err := h.Bind(t.Context(), h.actor, fleet.Binding{Serial: other, Name: "Other", Model: "X1C"}); err != nil {
		t.Fatal(err)
	}
	h.Observe(serial, []byte(dark))
	if got := h.Sight(serial); got != grove.SightPictures {
		t.Errorf("a P1S: %s", got)
	}
	if got := h.Sight(other); got != grove.SightVideo {
		t.Errorf("an X1C that has not said anything: %s", got)
	}
	h.Observe(other, []byte(dark))
	if got := h.Sight(other); got != grove.SightOff {
		t.Errorf("an X1C that is off: %s", got)
	}
	if got := h.Sight("NOBODYS"); got != grove.SightOff {
		t.Errorf("nobody's: %s", got)
	}
}

// BenchmarkViewers measures a picture of 100 KB from its camera to all who watch.
func BenchmarkViewers(b *testing.B) {
	picture := make([]byte, 100<<10)
	for _, viewers := range []int{1, 50} {
		b.Run(strconv.Itoa(viewers), func(b *testing.B) {
			h, s := newHouse(b), &set{printer: &printer{}}
			next, seen := make(chan struct{}), make(chan struct{}, viewers)
			s.read = func(ctx context.Context, show func([]byte)) error {
				for {
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-next:
						show(picture)
					}
				}
			}
			detach := h.Attach(serial, s)
			ctx, cancel := context.WithCancel(b.Context())
			var watching sync.WaitGroup
			for range viewers {
				watching.Go(func() {
					_ = h.Film(ctx, h.actor, serial, func([]byte) error { seen <- struct{}{}; return nil })
				})
			}
			one := func() {
				next <- struct{}{}
				for range viewers {
					<-seen
				}
			}
			one()
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
			cancel()
			watching.Wait()
			detach("over")
			if n := s.ever.Load(); n != 1 {
				b.Errorf("%d readers", n)
			}
		})
	}
}
