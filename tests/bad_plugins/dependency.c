/* Copyright afplug contributors. SPDX-License-Identifier: BSL-1.0 */
int bad_plugin_dependency(void);
int bad_plugin_dependency(void) { return 0; }
