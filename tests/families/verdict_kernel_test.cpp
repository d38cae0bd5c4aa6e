// Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
//
// Compares verdicts with what socket(2) reports, in situations that the tests create: in a child process or, where they
// unload kernel modules, only in tests/lab.
#include <fcntl.h>
#include <grp.h>
#include <linux/can.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "netns.hpp"
#include "support.hpp"

namespace families {
namespace {

const afplug::family& family(std::string_view id) { return afplug::registry::global().family(id); }

// The result of socket(2) with a row's native numbers: 0 or errno.
int socket_errno(const afplug::family& of, afplug::socket_type type, int protocol) {
  const afplug::basic_protocol p(of, type, protocol);
  return try_socket({p.family(), afplug::socket_type(p.type()), p.protocol()});
}

std::string describe(const afplug::verdict& v) {
  return std::string(to_string(v.state)) + ", errno " + std::to_string(v.error) + ", " + v.reason + ": " + v.detail +
         "; remedy: " + v.remedy;
}

// Compares a verdict with socket(2) and with the expected reason and parts of its detail and remedy. Returns the
// verdict if it differs, else an empty string.
std::string mismatch(const afplug::family& of, afplug::socket_type type, int protocol, std::string_view reason,
                     std::string_view detail, std::string_view remedy) {
  const auto v = afplug::check(of, type, protocol);
  const int error = socket_errno(of, type, protocol);
  const bool matches = v.reason == reason && v.detail.find(detail) != v.detail.npos &&
                       v.remedy.find(remedy) != v.remedy.npos && v.error == error && v.available() == (error == 0);
  return matches ? "" : describe(v) + " (socket(2): errno " + std::to_string(error) + ")";
}

// Runs `body` in a child process and returns its result, or the text of the exception it threw.
std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    std::string text;
    try {
      text = body();
    } catch (const std::exception& e) {
      text = e.what();
    }
    const bool written = ::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    std::_Exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text(4096, '\0');
  const auto n = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? text : text + " (wait status of the child: " + std::to_string(status) + ")";
}

#define NEEDS_ROOT \
  if (::geteuid() != 0) GTEST_SKIP() << "needs root"

TEST(verdict, every_row_agrees_with_socket_2) {
  int rows = 0;
  std::set<std::string> ids;
  for (const auto& plugin : afplug::registry::global().families()) {
    error_code ec;
    const auto* of = afplug::registry::global().family(plugin.family, ec);
    if (!of || of->in_user_space() || !ids.insert(std::string(of->id())).second) continue;
    for (const auto& row : of->rows()) {
      if ((row.flags & AFPLUG_ROW_HIDDEN) != 0 || row.type == AFPLUG_ANY || row.protocol == AFPLUG_ANY) continue;
      SCOPED_TRACE(std::string(of->id()) + " " + row.type_name + " " + (row.protocol_name ? row.protocol_name : "0"));
      const auto v = afplug::check(*of, row);
      const int error = socket_errno(*of, row.concrete_type(), row.protocol);
      EXPECT_EQ(v.error, error) << describe(v);
      EXPECT_EQ(v.available(), error == 0) << describe(v);
      if (error != 0) {
        EXPECT_FALSE(v.reason.empty() || v.detail.empty() || v.remedy.empty()) << describe(v);
      }
      ++rows;
    }
  }
  for (const auto* id : {"inet", "inet6", "unix", "can", "packet", "bluetooth", "vsock", "hyperv"})
    EXPECT_TRUE(ids.count(id)) << id << " is listed on every kernel";
  EXPECT_GT(rows, 50);
}

TEST(verdict, remedies_name_only_modules_that_modprobe_finds) {
  const auto succeeds = [](const std::string& command) {
    return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0;
  };
  const bool no_modules = succeeds("zcat /proc/config.gz | grep '^# CONFIG_MODULES is not set'");
  if (!no_modules && !succeeds("command -v modprobe")) GTEST_SKIP() << "modprobe is not installed";
  int checked = 0;
  for (const auto& plugin : afplug::registry::global().families())
    for (const auto flags : {afplug::check_flags::none, afplug::check_flags::passive}) {
      const auto& of = family(plugin.family);
      for (const auto& row : of.rows()) {
        const auto v = afplug::check(of, row, flags);
        ++checked;
        if (!v.remedy.starts_with("modprobe ")) continue;
        EXPECT_TRUE(!no_modules && succeeds("modprobe -D " + v.remedy.substr(9))) << of.id() << ": " << describe(v);
      }
    }
  EXPECT_GT(checked, 100);
}

TEST(verdict, packet_without_cap_net_raw) {
  NEEDS_ROOT;
  const auto& packet = family("packet");
  if (const auto why = socket_unavailable({AF_PACKET, SOCK_RAW, 0}); !why.empty()) GTEST_SKIP() << "packet: " << why;
  EXPECT_EQ(in_child([&]() -> std::string {
              if (::setgroups(0, nullptr) != 0 || ::setresgid(65534, 65534, 65534) != 0 ||
                  ::setresuid(65534, 65534, 65534) != 0)
                return "cannot become nobody";
              return mismatch(packet, SOCK_RAW, 0, "permission", "CAP_NET_RAW", "setcap cap_net_raw+ep");
            }),
            "");
}

TEST(verdict, vsock_transport_is_unknown_without_sysfs) {
  NEEDS_ROOT;
  const auto& vsock = family("vsock");
  if (const auto why = socket_unavailable({AF_VSOCK, SOCK_STREAM, 0}); !why.empty()) GTEST_SKIP() << "vsock: " << why;
  EXPECT_EQ(in_child([&]() -> std::string {
              if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                  ::mount("none", "/sys", "tmpfs", 0, nullptr) != 0)
                return "cannot hide /sys";
              return mismatch(vsock, SOCK_STREAM, 0, "", "/sys is not mounted", "mount -t sysfs");
            }),
            "");
}

TEST(verdict, seccomp_filter) {
  const auto& inet6 = family("inet6");
  if (const auto why = socket_unavailable({AF_INET6, SOCK_STREAM, 0}); !why.empty()) GTEST_SKIP() << "inet6: " << why;
  for (int error : {EPERM, EACCES, EAFNOSUPPORT}) {
    const auto result = in_child([&]() -> std::string {
      sock_filter program[] = {
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      };
      const sock_fprog filter{6, program};
      if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return "no seccomp";
      return mismatch(inet6, SOCK_STREAM, 0, "sandbox", "seccomp filter", "seccomp");
    });
    if (result == "no seccomp") GTEST_SKIP() << "the kernel has no seccomp filters";
    EXPECT_EQ(result, "") << error;
  }
}

TEST(verdict, empty_network_namespace_and_its_remedy) {
  NEEDS_ROOT;
  const auto& inet = family("inet");
  const auto& bluetooth = family("bluetooth");
  const bool has_bluetooth = try_socket({AF_BLUETOOTH, SOCK_SEQPACKET, 0}) == 0;
  EXPECT_EQ(in_child([&]() -> std::string {
              if (::unshare(CLONE_NEWNET) != 0) return "unshare failed";
              auto result = mismatch(inet, SOCK_STREAM, 0, "no-device", "no network interface", "ip link set lo up");
              if (has_bluetooth)
                result += mismatch(bluetooth, SOCK_SEQPACKET, 0, "sandbox", "initial network namespace", "host's");
              if (!result.empty()) return result;
              if (!run(afplug::check(inet, SOCK_STREAM, 0).remedy)) return "the remedy failed";
              return mismatch(inet, SOCK_STREAM, 0, "", "", "");
            }),
            "");
}

TEST(verdict, no_can_interface_and_its_remedy) {
  NEEDS_ROOT;
  const auto& can = family("can");
  if (const auto why = socket_unavailable({AF_CAN, SOCK_RAW, CAN_RAW}); !why.empty()) GTEST_SKIP() << "can: " << why;
  EXPECT_EQ(in_child([&]() -> std::string {
              if (auto why = enter_new_netns(); !why.empty()) return why;
              auto result = mismatch(can, SOCK_RAW, CAN_RAW, "no-device", "no CAN interface", "type vcan");
              if (!result.empty()) return result;
              if (!run(afplug::check(can, SOCK_RAW, CAN_RAW).remedy)) return "the remedy failed";
              return mismatch(can, SOCK_RAW, CAN_RAW, "", "vcan0", "");
            }),
            "");
}

// Tests that unload kernel modules. They stop the kernel from loading modules on its own meanwhile.
class verdict_modules : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::getenv("AFPLUG_LAB")) GTEST_SKIP() << "unloads kernel modules: runs only in tests/lab";
    std::getline(std::ifstream("/proc/sys/kernel/modprobe"), modprobe_path_);
    set_modprobe_path("/nonexistent");
  }
  void TearDown() override {
    if (!modprobe_path_.empty()) set_modprobe_path(modprobe_path_);
  }
  static void set_modprobe_path(const std::string& path) {
    std::ofstream("/proc/sys/kernel/modprobe") << path << std::flush;
  }

 private:
  std::string modprobe_path_;
};

TEST_F(verdict_modules, module_not_loaded_and_its_remedy) {
  struct {
    const char* id;
    afplug::socket_type type;
    int protocol;
    const char* module;  // what the row needs
    const char* unload;  // that module and the ones that depend on it, dependents first
  } const rows[] = {
      {"tipc", SOCK_RDM, 0, "tipc", "tipc"},
      {"can", SOCK_RAW, CAN_RAW, "can_raw", "can_gw can_j1939 can_isotp can_bcm can_raw can"},
      {"can", SOCK_DGRAM, CAN_BCM, "can_bcm", "can_gw can_bcm"},
      {"can", SOCK_DGRAM, CAN_ISOTP, "can_isotp", "can_isotp"},
      {"alg", SOCK_SEQPACKET, 0, "af_alg", "algif_rng algif_aead algif_hash algif_skcipher af_alg"},
      {"vsock", SOCK_STREAM, 0, "vsock",
       "vsock_diag vsock_loopback vmw_vsock_virtio_transport vmw_vsock_virtio_transport_common "
       "vmw_vsock_vmci_transport hv_sock vsock"},
      {"qipcrtr", SOCK_DGRAM, 0, "qrtr", "qrtr"},
      {"bluetooth", SOCK_SEQPACKET, 0, "bluetooth", "hidp bnep rfcomm hci_vhci bluetooth"},
      {"bluetooth", SOCK_STREAM, 3, "rfcomm", "rfcomm"},
  };
  int tried = 0;
  for (const auto& row : rows) {
    SCOPED_TRACE(row.id);
    if (!run("modprobe -D "s + row.module + " >/dev/null 2>&1")) continue;  // this kernel was built without it
    ++tried;
    run("for m in "s + row.unload + "; do rmmod $m 2>/dev/null; done");
    const auto& of = family(row.id);
    auto v = afplug::check(of, row.type, row.protocol);
    ASSERT_EQ(v.reason, "module-not-loaded") << describe(v);
    int steps = 0;
    for (; v.reason == "module-not-loaded" && steps < 3; ++steps) {
      EXPECT_EQ(v.state, afplug::verdict::state_t::unavailable);
      EXPECT_EQ(v.error, socket_errno(of, row.type, row.protocol));
      ASSERT_TRUE(v.remedy.starts_with("modprobe ")) << describe(v);
      ASSERT_TRUE(run(v.remedy)) << v.remedy;
      v = afplug::check(of, row.type, row.protocol);
    }
    EXPECT_TRUE(v.available()) << describe(v);
    EXPECT_EQ(socket_errno(of, row.type, row.protocol), 0);
  }
  EXPECT_GE(tried, 5);
}

TEST_F(verdict_modules, bluetooth_without_an_adapter) {
  const auto& bluetooth = family("bluetooth");
  run("modprobe -a bluetooth hci_vhci 2>/dev/null");
  if (const auto why = socket_unavailable({AF_BLUETOOTH, SOCK_SEQPACKET, 0}); !why.empty())
    GTEST_SKIP() << "bluetooth: " << why;
  if (run("ls /sys/class/bluetooth | grep -q hci")) GTEST_SKIP() << "bluetooth: this guest has an adapter";
  EXPECT_EQ(mismatch(bluetooth, SOCK_SEQPACKET, 0, "no-device", "there is no Bluetooth adapter", "rfkill list"), "");
  EXPECT_EQ(mismatch(bluetooth, SOCK_RAW, 1, "no-device", "only the control and monitor channels", "rfkill list"), "");
  // Adds an adapter: the kernel's virtual controller (drivers/bluetooth/hci_vhci.c).
  run("[ -e /dev/vhci ] || mknod /dev/vhci c 10 137");
  const int controller = ::open("/dev/vhci", O_RDWR | O_CLOEXEC);
  ASSERT_GE(controller, 0);
  const unsigned char create[] = {0xff, 0};
  EXPECT_EQ(::write(controller, create, sizeof create), 2);
  EXPECT_TRUE(run("for i in $(seq 100); do ls /sys/class/bluetooth | grep -q hci && exit 0; sleep 0.1; done; exit 1"));
  EXPECT_EQ(mismatch(bluetooth, SOCK_SEQPACKET, 0, "", "adapters: hci0", ""), "");
  ::close(controller);
}

// The remedy gives a file a capability: a copy of the command, with its libraries in a directory of ld.so.conf(5),
// because the loader ignores RUNPATH's $ORIGIN in a privileged program (ld.so(8), "secure-execution mode").
TEST(verdict_capabilities, missing_capability_and_its_remedy) {
  if (!std::getenv("AFPLUG_LAB")) GTEST_SKIP() << "installs a program with a capability: runs only in tests/lab";
  if (!run("command -v setcap >/dev/null && command -v setpriv >/dev/null"))
    GTEST_SKIP() << "needs setcap (libcap2-bin) and setpriv";
  ASSERT_TRUE(run("set -e; to=/opt/afplug-verdict-test; rm -rf $to; mkdir -p $to/bin $to/lib; cp " AFPLUG_COMMAND
                  " $to/bin; cp -r " AFPLUG_LIBRARIES "/libafplug.so* " AFPLUG_LIBRARIES
                  "/afplug $to/lib; echo $to/lib > /etc/ld.so.conf.d/afplug-verdict-test.conf; ldconfig"));
  const auto explain = [](const std::string& then) {
    return run(
        "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all /opt/afplug-verdict-test/bin/afplug "
        "explain "
        "packet:raw 2>&1 " +
        then);
  };
  EXPECT_FALSE(explain(">/dev/null"));
  EXPECT_TRUE(explain("| grep -q 'CAP_NET_RAW.*permission'"));
  ASSERT_TRUE(explain("| sed -n 's/^to do: //p' > /tmp/afplug-remedy"));
  EXPECT_TRUE(run("grep -qx 'setcap cap_net_raw+ep /opt/afplug-verdict-test/bin/afplug' /tmp/afplug-remedy"));
  ASSERT_TRUE(run("sh /tmp/afplug-remedy"));
  EXPECT_TRUE(explain("")) << "the row is available";
}

TEST_F(verdict_modules, vsock_without_a_transport_and_its_remedy) {
  run("for m in vsock_loopback vmw_vsock_virtio_transport hv_sock vmw_vsock_vmci_transport; do rmmod $m 2>/dev/null; "
      "done");
  run("modprobe vsock");
  const auto& vsock = family("vsock");
  auto v = afplug::check(vsock, SOCK_STREAM, 0);
  ASSERT_TRUE(v.available()) << describe(v);
  EXPECT_EQ(v.reason, "no-device") << describe(v);
  EXPECT_NE(v.detail.find("no vsock transport"), v.detail.npos) << describe(v);
  ASSERT_TRUE(run(v.remedy)) << v.remedy;
  v = afplug::check(vsock, SOCK_STREAM, 0);
  EXPECT_EQ(v.reason, "") << describe(v);
  EXPECT_NE(v.detail.find("loopback"), v.detail.npos) << describe(v);
}

TEST_F(verdict_modules, vsock_without_a_datagram_transport_and_its_remedy) {
  run("rmmod vmw_vsock_vmci_transport 2>/dev/null");
  run("modprobe vsock_loopback");
  const auto& vsock = family("vsock");
  const bool has_vmci = run("modprobe -D vmw_vsock_vmci_transport >/dev/null 2>&1");
  EXPECT_EQ(mismatch(vsock, SOCK_DGRAM, 0, "no-device", "no loaded vsock transport supports this",
                     has_vmci ? "modprobe vmw_vsock_vmci_transport" : "that has the module vmw_vsock_vmci_transport"),
            "");
  if (!has_vmci) return;
  ASSERT_TRUE(run(afplug::check(vsock, SOCK_DGRAM, 0).remedy));
  EXPECT_EQ(mismatch(vsock, SOCK_DGRAM, 0, "", "transport: vmci", ""), "");
  EXPECT_EQ(mismatch(vsock, SOCK_STREAM, 0, "", "loopback, vmci", ""), "");
}

TEST_F(verdict_modules, kernel_built_without_the_family_or_protocol) {
  struct {
    const char* id;
    afplug::socket_type type;
    int protocol;
    const char* reason;
    const char* symbol;
  } const rows[] = {
      {"bluetooth", SOCK_SEQPACKET, 0, "kernel-lacks-family", "CONFIG_BT"},
      {"qipcrtr", SOCK_DGRAM, 0, "kernel-lacks-family", "CONFIG_QRTR"},
      {"can", SOCK_DGRAM, CAN_ISOTP, "kernel-lacks-protocol", "CONFIG_CAN_ISOTP"},
  };
  if (std::getenv("AFPLUG_LAB") != "uml"s) GTEST_SKIP() << "only the uml kernel lacks them";
  run("modprobe can");
  for (const auto& row : rows)
    EXPECT_EQ(mismatch(family(row.id), row.type, row.protocol, row.reason, row.symbol, row.symbol), "") << row.id;
}

}  // namespace
}  // namespace families
