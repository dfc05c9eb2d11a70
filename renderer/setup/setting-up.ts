/** That this tab is in the middle of the setup: the one thing a page of ours leaves behind, for as long as the tab lives. */
const name = 'setting-up';

export const isSettingUp = {
  read: (): boolean => sessionStorage.getItem(name) !== null,
  write(is: boolean): void {
    if (is) sessionStorage.setItem(name, '');
    else sessionStorage.removeItem(name);
  },
};
