/* Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0
 *
 * A library that plugins need. With WITH_ENTRY it exports an entry function as plugins do. */
int bad_plugin_dependency(void);
int bad_plugin_dependency(void) { return 0; }

#ifdef WITH_ENTRY
#include <afplug/plugin.h>
int32_t afplug_entry(const struct afplug_host* host, struct afplug_plugin* out) {
  (void)host, (void)out;
  return 0;
}
#endif
