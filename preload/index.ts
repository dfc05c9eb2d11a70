/** The preload of the main window. */
import { contextBridge, ipcRenderer } from 'electron';
import { createBridge } from './bridge.ts';

contextBridge.exposeInMainWorld('lakepass', createBridge('main', ipcRenderer));
