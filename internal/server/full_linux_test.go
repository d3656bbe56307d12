package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile/sample"
)

// mountSmallDisk gives this process, which has a mount namespace of its own, a
// disk of a few megabytes with a copy of the data, and says where it is.
func mountSmallDisk(data, size string) (string, error) {
	disk := data + smallDisk
	if err := os.Mkdir(disk, 0o700); err != nil {
		return "", err
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		return "", err
	}
	return disk, os.CopyFS(disk, os.DirFS(data))
}

const smallDisk = ".disk" // the ending of its folder

// ownMounts lets a process mount what nobody else sees.
func ownMounts(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}

// onSmallDisk starts a cloud whose data directory is a small disk, and signs its
// owner in. Where none can be mounted the test is skipped, but not by a root of
// the continuous integration.
func onSmallDisk(t *testing.T, size string) (c *child, disk string) {
	t.Helper()
	try := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", t.TempDir())
	ownMounts(try)
	if out, err := try.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" && os.Getuid() == 0 {
			t.Fatalf("no disk of its own can be mounted: %v %s", err, out)
		}
		t.Skipf("no disk of its own can be mounted here: %v %s", err, out)
	}
	ready := prepare(t)
	c = startChild(t, ready.data, 0, ownMounts, func(p *exec.Cmd) { p.Env = append(p.Env, diskVariable+"="+size) })
	disk = filepath.Join("/proc", strconv.Itoa(c.process.Process.Pid), "root", ready.data+smallDisk) // seen with the child's eyes
	c.info.CAFile = filepath.Join(disk, filepath.Base(c.info.CAFile))
	c.signIn()
	return c, disk
}

// zeroes never end.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAnUploadThatFillsTheDiskIsRefusedAndNothingOfItKept(t *testing.T) {
	t.Parallel()
	c, disk := onSmallDisk(t, "16m")
	first := c.upload()
	before := contents(t, filepath.Join(disk, "files"))

	link := c.wish("big.gcode.3mf")
	// Of unknown length: nothing but the disk itself can say that it is too long.
	status, told := c.put(link, io.LimitReader(zeroes{}, 64<<20))
	if status != http.StatusInsufficientStorage || told.Code != http.StatusInsufficientStorage {
		t.Errorf("%d %+v, want 507", status, told)
	}
	if !strings.Contains(told.Details.Reason, "full") || strings.Contains(told.Details.Reason, smallDisk) {
		t.Errorf("told %+v", told)
	}
	if after := contents(t, filepath.Join(disk, "files")); !slices.Equal(before, after) {
		t.Errorf("kept %v, had %v", after, before)
	}
	if list, err := c.client.Files(t.Context(), client.FileQuery{}, grove.Page{}); err != nil || len(list.Items) != 2 {
		t.Errorf("listed: %+v %v", list.Items, err)
	}

	var body bytes.Buffer
	if _, err := c.client.Download(t.Context(), first.FileID, &body); err != nil || body.Len() == 0 {
		t.Errorf("what was there: %d bytes, %v", body.Len(), err)
	}
	if status, told := c.put(link, bytes.NewReader(sample.ThreeMF(sample.Model("C12")))); status != http.StatusOK {
		t.Errorf("what fits, on the same link: %d %+v", status, told)
	}
}

// put sends a body of unknown length to a link.
func (c *child) put(link cloudapi.Upload, body io.Reader) (status int, told cloudapi.Error) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPut, link.UploadURL, struct{ io.Reader }{body})
	if err != nil {
		c.t.Fatal(err)
	}
	res, err := web.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		if err := json.NewDecoder(res.Body).Decode(&told); err != nil {
			c.t.Error(err)
		}
	}
	return res.StatusCode, told
}

func (c *child) wish(name string) (link cloudapi.Upload) {
	c.t.Helper()
	code, _, raw := c.raw(http.MethodPost, "/v1/iot-service/api/user/upload", string(c.client.Token()), `{"filename":"`+name+`"}`)
	if err := json.Unmarshal(raw, &link); err != nil || code != http.StatusOK || link.UploadURL == "" {
		c.t.Fatalf("%d %s %v", code, raw, err)
	}
	return link
}

// contents lists the files below a folder with their sizes.
func contents(t *testing.T, folder string) (list []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			list = append(list, fmt.Sprint(path, " ", info.Size()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// On a disk without a byte to spare a change is refused in words, or it is kept,
// also when the power goes at that moment. There is nothing in between.
func TestRecordsOnAFullDiskAreKeptOrRefused(t *testing.T) {
	t.Parallel()
	c, disk := onSmallDisk(t, "16m")
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	var kept, refused []string
	for n := 0; n < 40 && len(refused) < 10; n++ {
		url := fmt.Sprintf("http://127.0.0.1:9/%d", n)
		_, err := c.client.CreateWebhook(t.Context(), cloudapi.WebhookRequest{URL: url, Events: grove.EventTypes()})
		var told *client.Error
		switch {
		case err == nil:
			kept = append(kept, url)
		case errors.As(err, &told) && told.Status == http.StatusInsufficientStorage && strings.Contains(err.Error(), "full"):
			refused = append(refused, url)
		default:
			t.Fatalf("refused with %v, want 507 in words", err)
		}
	}
	if len(kept) == 0 || len(refused) == 0 {
		t.Fatalf("%d changes were kept and %d refused, want some of both", len(kept), len(refused))
	}
	snapshot := filepath.Join(t.TempDir(), "data")
	c.still(func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(snapshot, os.DirFS(disk)); err != nil {
			t.Fatal(err)
		}
	})

	again := startChild(t, snapshot, 0)
	again.signIn()
	if got := again.hooks(); !slices.Equal(got, kept) {
		t.Errorf("after a power cut there are %v, want %v", got, kept)
	}
	if got := c.hooks(); !slices.Equal(got, kept) {
		t.Errorf("there are %v, want %v", got, kept)
	}
	until(t, "with some space again, changes are taken", func() bool {
		_, err := c.client.CreateWebhook(t.Context(), cloudapi.WebhookRequest{URL: "http://127.0.0.1:9/more", Events: grove.EventTypes()})
		return err == nil
	})
}

// fill writes until the disk is full, and gives back what a few changes need.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n, err := io.Copy(f, zeroes{})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("wrote %d bytes: %v", n, err)
	}
	if err := f.Truncate(n - 64<<10); err != nil {
		t.Fatal(err)
	}
}

// still does something while the child stands still, as a power cut would find it.
func (c *child) still(do func()) {
	_ = c.process.Process.Signal(syscall.SIGSTOP)
	defer func() { _ = c.process.Process.Signal(syscall.SIGCONT) }()
	do()
}

// hooks lists the addresses of the webhooks in the order they were made.
func (c *child) hooks() (urls []string) {
	c.t.Helper()
	list, err := c.client.Webhooks(c.t.Context(), grove.Page{Limit: 100})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range slices.Backward(list.Items) {
		urls = append(urls, e.URL)
	}
	return urls
}
