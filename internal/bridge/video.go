package bridge

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

const (
	videoPath   = "/streaming/live/1" // OpenBambuAPI, ha-bambulab
	pictureRate = "fps=2,scale=w='min(1280,iw)':h=-2"
	lastBreath  = 2 * time.Second // for ffmpeg to end after it was killed
	mostAtOnce  = "12582912"      // bytes of memory at a time: room for about 12 million points; ffmpeg would make as much as it is told
)

// decoder is where ffmpeg is. It is looked for each time: it may be installed while
// the server runs.
func (l lens) decoder() (string, error) { return exec.LookPath(l.bridge.cfg.FFmpeg) }

// readVideo reads the camera of the machines with the larger board: RTSP over TLS,
// which ffmpeg makes pictures of. ffmpeg sees a relay on loopback, since it would
// believe any certificate; and it reads where that is, and the access code, from its
// input, since anybody on the machine may read its arguments.
func (l lens) readVideo(ctx context.Context, show func([]byte)) error {
	program, err := l.decoder()
	if err != nil {
		return l.Sight()
	}
	conn, _, err := l.bridge.knock(ctx, l.lan, l.lan.RTSPS)
	if err != nil {
		return err
	}
	defer func() { _ = conn.NetConn().Close() }()
	front, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return troubleOf(fmt.Errorf("listen for ffmpeg: %w", err))
	}
	ctx, cancel := context.WithCancel(ctx)
	relayed := make(chan error, 1)
	go func() { relayed <- relay(ctx, front, conn, l.bridge.cfg.darkness) }()
	undone := decode(ctx, program, recipe(front.Addr().String(), l.code), l.bridge.cfg.darkness, show)
	cancel()
	return unlit(cmp.Or(<-relayed, undone)) // ffmpeg ends when the printer does, and does not say so
}

// recipe is what ffmpeg reads: a list of one, with its options. Clocks are not those
// of the packets, which were seen to stand still (P2S).
func recipe(address string, code grove.Secret) string {
	u := url.URL{Scheme: "rtsp", User: url.UserPassword(lanUser, string(code)), Host: address, Path: videoPath}
	return "ffconcat version 1.0\nfile '" + u.String() + "'\noption rtsp_transport tcp\noption use_wallclock_as_timestamps 1\n"
}

// decode runs ffmpeg until ctx ends or it does. What it says is not kept: it would
// name the access code.
func decode(ctx context.Context, program, recipe string, patience time.Duration, show func([]byte)) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	cmd := exec.CommandContext(ctx, program, "-hide_banner", "-loglevel", "quiet", "-threads", "1", "-max_alloc", mostAtOnce,
		"-protocol_whitelist", "pipe,tcp,rtp,rtsp", "-f", "concat", "-safe", "0", "-i", "pipe:0",
		"-an", "-vf", pictureRate, "-c:v", "mjpeg", "-q:v", "5", "-f", "mpjpeg", "pipe:1")
	cmd.Env = []string{}
	cmd.Stdin = strings.NewReader(recipe)
	cmd.WaitDelay = lastBreath
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("make pipe for ffmpeg: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start ffmpeg: %w", err)
	}
	dark := time.AfterFunc(patience, end)
	defer dark.Stop()
	in := bufio.NewReader(out)
	for err == nil {
		var picture []byte
		if picture, err = readPart(in); err == nil {
			dark.Reset(patience)
			show(picture)
		}
	}
	end()
	why := cmd.Wait()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &trouble{reasonLost, "ffmpeg makes no pictures of the printer's video", "look whether its camera works at its screen, and whether ffmpeg is version 5 or newer; it is tried again by itself", cmp.Or(why, err)}
	}
	return err
}

// readPart reads one picture of a multipart stream as ffmpeg writes it.
func readPart(in *bufio.Reader) ([]byte, error) {
	text := textproto.NewReader(in)
	for {
		line, err := text.ReadLine()
		if err != nil {
			return nil, err
		}
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(name, "Content-Length") {
			continue
		}
		length, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		if err != nil {
			return nil, badPicture("something that is no JPEG")
		}
		if rest, err := text.ReadLine(); err != nil || rest != "" {
			return nil, cmp.Or(err, badPicture("something that is no JPEG"))
		}
		return readJPEG(in, int64(length))
	}
}
